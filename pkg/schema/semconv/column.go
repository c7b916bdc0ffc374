package semconv

// column is a field of schema.GenAI that sources compete for, or an
// intermediate value that fill turns into one.
type column uint8

const (
	operation column = iota
	provider
	langchainProvider // whom LangChain calls, where provider says no more than that
	clientFormat      // whose SDK was called, where nothing says who answered
	model             // the one to price, where it is neither of the two below
	requestModel
	responseModel
	modelEntity // model, if the span turns out to be a model call

	sessionID
	userID
	experimentID
	serviceName
	environment
	release
	appVersion

	traceName
	level
	displayName
	functionID // the application's own name for an AI SDK call
	agentName
	agentEntity // agentName, if the span turns out to be an AGENT
	agentID
	agentVersion
	workflowName
	toolName
	toolEntity // toolName, if the span turns out to be a TOOL
	toolCallID
	toolType
	promptName
	promptVersion
	dataSourceID
	errorType
	frameworkError // errorType, if the span recorded no exception either
	serverAddress  // also tells which of Google's services answers

	serviceTier
	batch
	stream
	responseID
	responseStatus
	reasoningLevel
	outputType
	firstTokenTime // a moment, not a duration

	tags
	finishReasons
	instructions // a system message for the input's messages
	input
	toolInput // input, if the span turns out to be a TOOL
	output
	toolCalls   // what a model answered beside the text in output
	textColumns // how many there are; the numbers follow

	inputTokens    column = iota - 1
	uncachedTokens        // input tokens without what the cache read and wrote
	outputTokens
	spokenTokens // output tokens without reasoning
	totalTokens
	cacheReadTokens
	cacheWriteTokens
	cacheWrite5mTokens
	cacheWrite1hTokens
	reasoningTokens
	audioInputTokens
	audioOutputTokens
	maxTokens
	choiceCount
	costDetail // the total of an itemised cost
	costInput
	costOutput
	costTotal
	temperature
	topP
	ttftSeconds
	ttftMillis
	columns
)

// identity reports whether a column is also looked for beyond the span (R4).
func (c column) identity() bool { return c >= sessionID && c <= appVersion }

// structured reports whether a column takes structured values, as JSON.
func (c column) structured() bool { return c >= tags && c < textColumns }

// content reports whether a column prefers the words of the span's own
// instrumentation (R8).
func (c column) content() bool { return c >= instructions && c < textColumns }

// unit is what the numbers of a column count.
type unit struct {
	// shift is the power of ten by which a number as sent is multiplied.
	shift int
	// real numbers are floating-point: their bits are kept.
	real bool
}

func (c column) unit() unit {
	switch c {
	case costDetail, costInput, costOutput, costTotal: // dollars, kept in 1e-9 dollars
		return unit{shift: 9}
	case ttftSeconds: // kept in nanoseconds
		return unit{shift: 9}
	case ttftMillis:
		return unit{shift: 6}
	case temperature, topP:
		return unit{real: true}
	default:
		return unit{}
	}
}

// band is where an attribute stands.
type band uint16

const (
	onSpan band = iota
	onResource
	onScope
)

const (
	// bandStep sets the places of two bands apart.
	bandStep = 10_000
	// strangerStep sets the content of other instrumentations behind the span's
	// own.
	strangerStep = 5_000
)

// rank orders sources: lower wins. What an identity column finds on the span
// precedes the resource and the scope, except for the service: its name is the
// resource's own, and a span can only guess.
func (c column) rank(place uint16, b band) uint16 {
	if c == serviceName && b != onScope {
		b = onResource - b
	}
	return place + uint16(b)*bandStep
}
