package semconv

// column is a field of schema.GenAI that sources compete for, or an
// intermediate value that fill turns into one.
type column uint8

const (
	operation column = iota
	provider
	model // the one to price: its list mixes both models below
	requestModel
	responseModel
	sessionID
	userID
	experimentID
	serviceName
	environment
	agentName
	toolName
	errorType
	serverAddress // tells which of Google's services answers
	input
	toolInput // input, if the span turns out to be a TOOL
	output
	textColumns // how many there are; the numbers follow

	inputTokens column = iota - 1
	outputTokens
	totalTokens
	cacheReadTokens
	cacheWriteTokens
	reasoningTokens
	cost // 1e-9 US dollars
	columns
)

// identity reports whether a column is also looked for beyond the span (R4).
func (c column) identity() bool { return c >= sessionID && c <= environment }

// content reports whether a column takes structured values, as JSON.
func (c column) content() bool { return c >= input && c <= output }

// band is where an attribute stands.
type band uint16

const (
	onSpan band = iota
	onResource
	onScope
)

// bandStep sets the places of two bands apart.
const bandStep = 10_000

// rank orders sources: lower wins. What an identity column finds on the span
// precedes the resource and the scope, except for the service: its name is the
// resource's own, and a span can only guess.
func (c column) rank(place uint16, b band) uint16 {
	if c == serviceName && b != onScope {
		b = onResource - b
	}
	return place + uint16(b)*bandStep
}
