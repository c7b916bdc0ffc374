package semconv

// liteLLM is what LiteLLM's proxy writes beside OpenLLMetry's early names.
var liteLLM = dialect{
	rows: []row{
		{stream, 30, "llm.is_streaming"},
	},
}
