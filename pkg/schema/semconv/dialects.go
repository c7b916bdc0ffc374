package semconv

// row says that a column is filled from an attribute. Place is ten times the
// key's position in the list of all the column's sources.
type row struct {
	column column
	place  uint16
	key    string
}

// object is an attribute that holds a JSON object, or an OTLP map, of numbers.
// The rows' keys are its members.
type object struct {
	key  string
	rows []row
}

// dialect is one naming convention. Zero fields are left out.
type dialect struct {
	// family is the dialect's name if an attribute key of the span starts with
	// one of prefixes.
	family   string
	prefixes []string

	rows    []row
	objects []object

	// Values of keys that start with jsonKeys are JSON text if the value of
	// jsonWitness starts with a quote.
	jsonKeys, jsonWitness string
}

// dialects lists the tables in the order in which a span's family is decided.
func dialects() []dialect {
	return []dialect{
		mlflow,
		otelGenAI,
		generic,
	}
}

// otherFamily is the family of spans that speak no dialect.
const otherFamily = "other"
