package semconv

// laminar is what the Laminar SDKs write beside OpenTelemetry's names.
var laminar = dialect{
	family:   "laminar",
	prefixes: []string{"lmnr."},
	scopes:   []string{"lmnr*"},
	rows: []row{
		{sessionID, 50, "lmnr.association.properties.session_id"},
		{userID, 40, "lmnr.association.properties.user_id"},
		{tags, 30, "lmnr.association.properties.tags"},
		{langchainProvider, 10, "lmnr.association.properties.ls_provider"},

		{cacheWrite5mTokens, 20, "gen_ai.usage.cache_creation.input_tokens.ephemeral_5m"},
		{cacheWrite1hTokens, 20, "gen_ai.usage.cache_creation.input_tokens.ephemeral_1h"},
		{audioInputTokens, 30, "gen_ai.usage.audio_input_tokens"},
		{audioOutputTokens, 30, "gen_ai.usage.audio_output_tokens"},
		{costInput, 20, "gen_ai.usage.input_cost"},
		{costOutput, 20, "gen_ai.usage.output_cost"},
		{batch, 10, "gen_ai.request.batch"},

		{input, 30, "lmnr.span.input"},
		{output, 30, "lmnr.span.output"},
	},
}
