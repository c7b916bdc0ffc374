package semconv

import (
	"strings"

	"github.com/spanmill/spanmill/pkg/schema"
)

// providers maps the names seen in the wild to OpenTelemetry's.
// azure.ai.inference is not OpenAI: it fronts other vendors' models too.
var providers = []struct {
	name    string
	aliases []string
}{
	{"openai", []string{"open_ai", "openai.chat", "openai.responses"}},
	{"azure.ai.openai", []string{"az.ai.openai", "azure", "azure_openai", "azure-openai"}},
	{"azure.ai.inference", []string{"az.ai.inference"}},
	{"anthropic", []string{"anthropic.messages"}},
	{"aws.bedrock", []string{"bedrock", "amazon_bedrock", "bedrock_converse", "amazon-bedrock", "aws"}},
	{"gcp.vertex_ai", []string{"vertex_ai", "vertexai", "google.vertex", "google-vertex"}},
	{"gcp.gemini", []string{"gemini", "google_ai_gemini", "google.generative-ai", "google_genai", "googleai"}},
	{googleUnknown, []string{"google", "gcp.vertex.agent"}}, // the latter is what Google's ADK calls itself
	{"mistral_ai", []string{"mistralai", "mistral"}},
	{"x_ai", []string{"xai"}},
	{"ibm.watsonx.ai", []string{"ibm.watson.ai", "watsonx"}},
	{"cohere", nil},
	{"deepseek", nil},
	{"groq", nil},
	{"perplexity", nil},
	{"moonshot_ai", []string{"moonshot"}},
	{"together_ai", []string{"together"}},
	{"fireworks", nil},
	{"ollama", nil},
	{"replicate", nil},
	{"hugging_face", []string{"huggingface"}},
	{"openrouter", nil},
	{"cerebras", nil},
	{"litellm", nil},
	{"vllm", nil},
	{"aleph_alpha", nil},
	{"meta", nil},
	{"zai", nil},
	{"minimax", nil},
	{"oracle", []string{"oci_genai"}},
	{"elevenlabs", nil},
}

// googleUnknown is Google without saying which of its services; the server's
// address tells.
const googleUnknown = "gcp.gen_ai"

var googleHosts = []struct{ host, provider string }{
	{"aiplatform.googleapis.com", "gcp.vertex_ai"},
	{"generativelanguage.googleapis.com", "gcp.gemini"},
}

func compileProviders() map[string]string {
	names := make(map[string]string)
	for _, p := range providers {
		names[p.name] = p.name
		for _, alias := range p.aliases {
			names[alias] = p.name
		}
	}
	return names
}

// Instrumentations that do not say who answered do say whose SDK was called.
// What OpenTelemetry calls a provider is no more: an SDK may be pointed at
// somebody else's server that speaks like its own.
var (
	// clientFormats are MLflow's names of messages' formats.
	clientFormats = map[string]string{
		"openai": "openai", "anthropic": "anthropic", "bedrock": "aws.bedrock",
		geminiFormat: googleUnknown, "groq": "groq", "mistral": "mistral_ai",
	}
	// clientNames are what Langfuse calls the spans of an SDK that it wraps,
	// unless the application has a name for them.
	clientNames = map[string]string{"OpenAI-generation": "openai", "OpenAI-embedding": "openai"}
)

// inferProvider says whose model was called, if the model's name begins with
// that, else whose SDK was, for a span that names no provider.
// That it was inferred is part of what the span says.
func (n *Normalizer) inferProvider(span *schema.Span, out *schema.GenAI) {
	name := ""
	if head, _, routed := strings.Cut(out.Model, "/"); routed {
		name = n.providers[n.lower(head)] // as routers and Genkit's plugins write it
	}
	switch {
	case name != "":
	case n.best[clientFormat].rank != noRank:
		name = clientFormats[n.text(clientFormat)]
	case n.spoken&n.table.langfuse != 0:
		name = clientNames[span.Name]
	case n.spoken&n.table.claude != 0:
		name = "anthropic" // whose SDK Claude Code is made with
	}
	if name != "" {
		out.Provider, out.ProviderInferred = n.atServer(name), true
	}
}

// provider canonicalises the span's provider: trimmed, lower case, aliases
// resolved. A name that is not in the table stays as it is: pricing must see
// that it is unknown.
func (n *Normalizer) provider() string {
	name := n.lower(strings.TrimSpace(n.text(provider)))
	if name == "langchain" { // the framework, not whom it calls
		if behind := n.text(langchainProvider); behind != "" {
			name = n.lower(strings.TrimSpace(behind))
		}
	}
	if name == "" {
		return "" // most spans call nobody
	}
	if known, ok := n.providers[name]; ok {
		name = known
	} else if n.spoken&n.table.vercel != 0 {
		name = n.vercelProvider(name)
	}
	return n.atServer(name)
}

// atServer tells Google's services apart by the server that was called.
func (n *Normalizer) atServer(name string) string {
	if name != googleUnknown {
		return name
	}
	server := n.lower(n.serverAddress())
	for _, g := range googleHosts {
		if strings.HasSuffix(server, g.host) { // regional hosts have a prefix
			return g.provider
		}
	}
	return name
}

// vercelProvider takes the API off what the AI SDK calls a provider, such as
// xai.chat or google.vertex.chat.
func (n *Normalizer) vercelProvider(name string) string {
	short := name
	for {
		dot := strings.LastIndexByte(short, '.')
		if dot < 0 {
			return short // unknown: what stands before the first dot
		}
		short = short[:dot]
		if known, ok := n.providers[short]; ok {
			return known
		}
	}
}

// serverAddress is a host: some emitters send the URL of the API.
func (n *Normalizer) serverAddress() string {
	s := n.text(serverAddress)
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
		if end := strings.IndexAny(s, "/:?#"); end >= 0 {
			s = s[:end]
		}
	}
	return s
}
