package pricing

import (
	"maps"
	"strings"
)

// listed says under which names catalogues list a provider, if not its own: the
// catalogues' names are older than OpenTelemetry's. Other names are taken as
// they are: a provider that no book knows has no prices.
var listed = map[string][]string{
	"openai":          {"openai", "text-completion-openai"},
	"azure.ai.openai": {"azure", "azure_text"},
	// azure.ai.inference fronts the models of many vendors: not OpenAI's prices.
	"azure.ai.inference": {"azure_ai"},
	"aws.bedrock":        {"bedrock", "bedrock_converse", "bedrock_mantle"},
	"gcp.vertex_ai":      {"vertex_ai"},
	"gcp.gemini":         {"gemini"},
	"mistral_ai":         {"mistral", "codestral", "text-completion-codestral"},
	"x_ai":               {"xai"},
	"ibm.watsonx.ai":     {"watsonx"},
	"cohere":             {"cohere", "cohere_chat"},
	"moonshot_ai":        {"moonshot"},
	"fireworks":          {"fireworks_ai", "fireworks_ai-embedding-models"},
	"hugging_face":       {"huggingface"},
	"meta":               {"meta_llama", "meta"},
	"oracle":             {"oci"},
	either:               {"gemini", "vertex_ai"},
}

// either is Google without saying which of its two services: it has a price
// where both agree on it.
const either = "gcp.gen_ai"

// routers pass calls on to the provider that the model's name begins with.
var routers = map[string]bool{"": true, "litellm": true}

// meant is the reverse of listed: whom a catalogue's or a router's name means.
var meant = reverse()

func reverse() map[string]string {
	out := make(map[string]string)
	for provider, names := range listed {
		if provider == either {
			continue
		}
		for _, name := range names {
			out[name] = provider
		}
	}
	maps.Copy(out, map[string]string{"amazon-bedrock": "aws.bedrock", "mistralai": "mistral_ai", "azure_openai": "azure.ai.openai", "google": either, "googleai": "gcp.gemini", "vertexai": "gcp.vertex_ai"})
	return out
}

// called are the names that a provider's models may have before a slash.
func called(provider string) (names []string) {
	for name, means := range meant {
		if means == provider {
			names = append(names, name)
		}
	}
	return append(names, provider)
}

// catalogues are the names to look a provider up under.
func catalogues(provider string) []string {
	if names, ok := listed[provider]; ok {
		return names
	}
	return []string{provider}
}

// bookName is the name that books index a provider under that a file calls so.
func bookName(provider string) string {
	provider = strings.ToLower(strings.TrimSpace(provider))
	if names, ok := listed[provider]; ok && provider != either {
		return names[0]
	}
	if family, _, ok := strings.Cut(provider, "-"); ok && family == "vertex_ai" {
		return family // vertex_ai-language-models and its like
	}
	return provider
}
