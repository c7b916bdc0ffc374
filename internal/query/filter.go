package query

// Filter is what a trace must be: all clauses hold. Clauses on spans must all
// hold on the same span.
type Filter []Clause

// Clause is one comparison.
type Clause struct {
	Field Field
	// Key is the tag's, the metadata's, the assessment's name or the span
	// attribute's key.
	Key string
	Op  Op
	// Text is what is compared with; List for In and NotIn; Number where the
	// field or the operator is numeric. None for IsNull and NotNull.
	Text   string
	List   []string
	Number float64
	// Source is the clause as it was written.
	Source string
}

// Field is what a clause or an order is about.
type Field uint8

// Fields of a trace, of its spans and of its assessments.
const (
	FieldStatus Field = iota + 1
	FieldTimestamp
	FieldDuration
	FieldEnd
	FieldTraceID
	FieldClientRequestID
	FieldExperiment
	FieldTag      // Key
	FieldMetadata // Key
	FieldSpanName
	FieldSpanType
	FieldSpanStatus
	FieldSpanContent // any text of the span
	FieldFeedback    // Key
	FieldExpectation // Key
	FieldPrompt      // Text is name/version
	FieldIssue       // Text is its id
)

// Op is how a clause compares.
type Op string

// Operators, as MLflow writes them.
const (
	Equal        Op = "="
	NotEqual     Op = "!="
	Less         Op = "<"
	LessEqual    Op = "<="
	Greater      Op = ">"
	GreaterEqual Op = ">="
	Like         Op = "LIKE"
	ILike        Op = "ILIKE"
	RLike        Op = "RLIKE"
	In           Op = "IN"
	NotIn        Op = "NOT IN"
	IsNull       Op = "IS NULL"
	NotNull      Op = "IS NOT NULL"
)
