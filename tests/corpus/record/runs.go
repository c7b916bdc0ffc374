package main

// played are the scenarios that each SDK can play; python/play.py and
// js/play.js say what they do.
var (
	openAI    = []string{"chat", "stream", "tools", "embeddings", "error", "cached", "reasoning", "agent"}
	responses = []string{"responses", "responses-stream"}
	others    = []string{"chat", "stream", "tools", "error", "cached", "reasoning"}
)

// variants are the instrumentations of each dialect.
var variants = []struct {
	dialect, variant string
	scenarios        []string
}{
	{"otel", "openai", openAI},
	{"otel", "openai", responses},
	{"otel", "openai-logs", []string{"chat", "tools"}},
	{"otel", "anthropic", others},
	{"otel", "google", others},
	{"otel", "langchain", []string{"agent"}},
	{"otel", "older-openai", []string{"chat", "stream", "tools", "error", "cached", "reasoning"}}, // it knew no embeddings
	{"openinference", "openai", openAI},
	{"openinference", "openai", responses},
	{"openinference", "anthropic", others},
	{"openinference", "google", others},
	{"openinference", "langchain", []string{"chat", "agent"}},
	{"openllmetry", "openai", openAI},
	{"openllmetry", "openai", responses},
	{"openllmetry", "anthropic", others},
	{"openllmetry", "older-openai", []string{"chat", "stream", "tools", "embeddings", "cached", "reasoning"}},
	{"mlflow", "openai", openAI},
	{"mlflow", "anthropic", []string{"chat", "stream", "cached", "tools"}},
	{"mlflow", "google", []string{"chat", "cached", "reasoning"}},
	{"langfuse", "openai", openAI},
	{"langfuse", "older-openai", []string{"chat", "stream", "cached", "agent"}},
	{"vercel", "openai", openAI},
	{"vercel", "older-openai", []string{"chat", "cached", "agent"}},
	{"vercel", "anthropic", others},
	{"vercel", "google", others},
}

func runs() []run {
	var all []run
	for _, v := range variants {
		for _, scenario := range v.scenarios {
			all = append(all, run{v.dialect, v.variant, scenario})
		}
	}
	return all
}
