package demo

import "strconv"

// provider is who serves a model, under the names that instrumentations give
// it, and its canonical name.
type provider struct {
	canonical string
	spelled   [dialects]string
	models    []model
	address   string
	port      int64
}

// model has the name that is asked for and the one that answers.
type model struct{ request, response, embedding string }

var providers = [...]provider{
	{
		canonical: "openai", spelled: [dialects]string{"openai", "openai", "openai"},
		models: []model{
			{"gpt-4o", "gpt-4o-2024-08-06", "text-embedding-3-small"},
			{"gpt-4o-mini", "gpt-4o-mini-2024-07-18", "text-embedding-3-large"},
			{"gpt-4.1", "gpt-4.1-2025-04-14", "text-embedding-3-small"},
		},
		address: "api.openai.com", port: 443,
	},
	{
		canonical: "anthropic", spelled: [dialects]string{"anthropic", "Anthropic", "anthropic"},
		models: []model{
			{"claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "voyage-3"},
			{"claude-haiku-4-5", "claude-haiku-4-5-20251001", "voyage-3-lite"},
		},
		address: "api.anthropic.com", port: 443,
	},
	{
		canonical: "gcp.gemini", spelled: [dialects]string{"gcp.gemini", "gemini", "gemini"},
		models: []model{
			{"gemini-2.5-pro", "gemini-2.5-pro", "gemini-embedding-001"},
			{"gemini-2.5-flash", "gemini-2.5-flash-001", "gemini-embedding-001"},
		},
		address: "generativelanguage.googleapis.com", port: 443,
	},
	{
		canonical: "mistral_ai", spelled: [dialects]string{"mistral_ai", "mistral", "mistralai"},
		models: []model{
			{"mistral-large-latest", "mistral-large-2411", "mistral-embed"},
			{"mistral-small-latest", "mistral-small-2503", "mistral-embed"},
		},
		address: "api.mistral.ai", port: 443,
	},
	{
		canonical: "azure.ai.openai", spelled: [dialects]string{"azure.ai.openai", "az.ai.openai", "azure_openai"},
		models:  []model{{"gpt-4o", "gpt-4o-2024-11-20", "text-embedding-ada-002"}},
		address: "contoso-weu.openai.azure.com", port: 443,
	},
	{
		canonical: "ollama", spelled: [dialects]string{"ollama", "Ollama", "ollama"},
		models:  []model{{"llama3.1:8b", "llama3.1:8b", "nomic-embed-text"}, {"qwen2.5:14b", "qwen2.5:14b", "bge-m3"}},
		address: "gpu-7.internal", port: 11434,
	},
	{
		canonical: "vllm", spelled: [dialects]string{"vllm", "vLLM", " vLLM "},
		models:  []model{{"mistralai/Mixtral-8x7B", "mistralai/Mixtral-8x7B", "BAAI/bge-large-en"}},
		address: "inference.internal", port: 8000,
	},
}

// scopePair is the instrumentation of model calls, and of everything else.
type scopePair struct{ model, rest Scope }

const (
	schemaNow = "https://opentelemetry.io/schemas/1.41.0"
	schemaOld = "https://opentelemetry.io/schemas/1.26.0"
)

func makeScopes() (pairs [dialects]scopePair) {
	pairs[otelNow] = scopePair{
		model: Scope{
			Name: "opentelemetry.instrumentation.genai", Version: "2.3b0", SchemaURL: schemaNow,
			Attrs: []Attr{{"scope.stable", B(false)}, {"scope.generation", D(3)}},
		},
		rest: Scope{Name: "agentkit.tracing", Version: "0.14.1"},
	}
	pairs[otelOld] = scopePair{
		model: Scope{Name: "opentelemetry.instrumentation.openai_v2", Version: "2.0b0", SchemaURL: schemaOld},
		rest:  Scope{Name: "langgraph-shim", Dropped: 1, Attrs: []Attr{{"shim.layers", List(S("graph"), I(2))}}},
	}
	pairs[mlflow] = scopePair{
		model: Scope{Name: "mlflow.tracing.provider"},
		rest:  Scope{Name: "mlflow.tracing.provider", Version: "3.17.2"},
	}
	for i := range pairs {
		pairs[i].model.wire = scopeWire(&pairs[i].model)
		pairs[i].rest.wire = scopeWire(&pairs[i].rest)
	}
	return pairs
}

// makeResources gives every service in its environments and versions.
func makeResources() []Resource {
	services := [...]string{
		"support-assistant", "checkout-copilot", "search-answers", "contract-review", "onboarding-guide", "travel-planner",
		"claims-triage", "code-reviewer", "shop-recommender", "voice-notes", "tutor", "meeting-minutes",
	}
	environments := [...]string{"production", "production", "staging", "canary"}
	languages := [...]string{"python", "nodejs", "go", "java"}
	var all []Resource
	for s, service := range services {
		for e, environment := range environments {
			for v := range 3 {
				n := len(all)
				r := Resource{
					Service: service,
					Attrs: []Attr{
						{"service.name", S(service)},
						{"service.version", S(strconv.Itoa(1+s%3) + "." + strconv.Itoa(v*7+e) + ".0")},
						{"deployment.environment.name", S(environment)},
						{"service.instance.id", S(instanceID(n))},
						{"telemetry.sdk.language", S(languages[(s+v)%len(languages)])},
						{"host.cpus", I(int64(2 << (n % 4)))},
					},
				}
				all = append(all, oddities(r, n))
			}
		}
	}
	for i := range all {
		all[i].wire = resourceWire(&all[i])
	}
	return all
}

// oddities adds to some resources what real ones have seldom: the other types
// of values, dropped attributes, a schema.
func oddities(r Resource, n int) Resource {
	switch n % 9 {
	case 1:
		r.Attrs = append(r.Attrs, Attr{"process.command_args", List(S("serve"), S("--workers"), I(4))})
	case 2:
		r.SchemaURL = schemaNow
	case 3:
		r.Attrs = append(r.Attrs, Attr{"sampling.ratio", D(1)}, Attr{"host.arm", B(n%2 == 0)})
	case 4:
		r.Attrs = append(r.Attrs, Attr{"k8s.labels", KV(Attr{"tier", S("gold")}, Attr{"shard", I(7)}, Attr{"load", D(0.25)})})
	case 5:
		r.Dropped = 2
	case 6:
		r.Attrs = append(r.Attrs, Attr{"build.digest", Blob("\x00\xffspan\x80mill\x01")}, Attr{"build.note", Value{}})
	}
	return r
}

// Environment is what a resource says about where it runs.
func (r *Resource) Environment() string {
	for i := range r.Attrs {
		if r.Attrs[i].Key == "deployment.environment.name" {
			return r.Attrs[i].Value.Text
		}
	}
	return ""
}

// instanceID looks like a UUID.
func instanceID(n int) string {
	const hexDigits = "0123456789abcdef"
	id := []byte("00000000-0000-4000-8000-000000000000")
	r := random(uint64(n) + 0x51ed270b)
	for i := range id {
		if id[i] == '0' {
			id[i] = hexDigits[r.below(16)]
		}
	}
	return string(id)
}
