package semconv

import "strings"

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
	{"gcp.gemini", []string{"gemini", "google_ai_gemini", "google.generative-ai", "google_genai"}},
	{googleUnknown, []string{"google"}},
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

// provider canonicalises the span's provider: trimmed, lower case, aliases
// resolved. A name that is not in the table stays as it is: pricing must see
// that it is unknown.
func (n *Normalizer) provider() string {
	name := n.lower(strings.TrimSpace(n.text(provider)))
	if known, ok := n.providers[name]; ok {
		name = known
	}
	if name != googleUnknown {
		return name
	}
	server := n.lower(n.text(serverAddress))
	for _, g := range googleHosts {
		if strings.HasSuffix(server, g.host) { // regional hosts have a prefix
			return g.provider
		}
	}
	return name
}
