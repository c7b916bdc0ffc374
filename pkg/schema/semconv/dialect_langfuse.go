package semconv

// langfuse is what the Langfuse SDKs write. Their own usage counts are
// exclusive: input without the cache's tokens, output without reasoning. Usage
// that an SDK copied from a provider's answer keeps that provider's names and
// is inclusive.
var langfuse = dialect{
	family:   "langfuse",
	prefixes: []string{"langfuse."},
	scopes:   []string{"langfuse-sdk", "langfuse-tracer"},
	rows: []row{
		{sessionID, 30, "langfuse.session.id"},
		{sessionID, 90, "langfuse.trace.metadata.langfuse_session_id"},
		{sessionID, 100, "langfuse.observation.metadata.langfuse_session_id"},
		{userID, 30, "langfuse.user.id"},
		{userID, 80, "langfuse.trace.metadata.langfuse_user_id"},
		{userID, 90, "langfuse.observation.metadata.langfuse_user_id"},
		{environment, 10, "langfuse.environment"},
		{release, 10, "langfuse.release"},
		{appVersion, 10, "langfuse.version"},
		{traceName, 20, "langfuse.trace.name"},
		{tags, 10, "langfuse.trace.tags"},
		{tags, 20, "langfuse.tags"},
		{level, 10, "langfuse.observation.level"},

		{model, 10, "langfuse.observation.model.name"},
		{firstTokenTime, 50, "langfuse.observation.completion_start_time"},
		{promptName, 20, "langfuse.observation.prompt.name"},
		{promptName, 30, "langfuse.prompt.name"},
		{promptVersion, 20, "langfuse.observation.prompt.version"},
		{promptVersion, 30, "langfuse.prompt.version"},

		{input, 20, "langfuse.observation.input"},
		{output, 20, "langfuse.observation.output"},
	},
	objects: []object{
		{key: "langfuse.observation.usage_details", rows: []row{
			{uncachedTokens, 50, "input"},
			{spokenTokens, 50, "output"},
			{totalTokens, 80, "total"},
			{inputTokens, 51, "input_tokens"},
			{inputTokens, 52, "prompt_tokens"},
			{outputTokens, 51, "output_tokens"},
			{outputTokens, 52, "completion_tokens"},
			{totalTokens, 81, "total_tokens"},
			{cacheReadTokens, 180, "cache_read_input_tokens"},
			{cacheReadTokens, 181, "input_cached_tokens"},
			{cacheReadTokens, 182, "input_cache_read"},
			{cacheReadTokens, 183, "prompt_tokens_details.cached_tokens"},
			{cacheReadTokens, 184, "input_tokens_details.cached_tokens"},
			{cacheWriteTokens, 180, "cache_creation_input_tokens"},
			{cacheWriteTokens, 181, "input_cache_creation"},
			{cacheWrite5mTokens, 180, "input_cache_creation_5m"},
			{cacheWrite1hTokens, 180, "input_cache_creation_1h"},
			{reasoningTokens, 180, "output_reasoning_tokens"},
			{reasoningTokens, 181, "output_reasoning"},
			{reasoningTokens, 182, "completion_tokens_details.reasoning_tokens"},
			{reasoningTokens, 183, "output_tokens_details.reasoning_tokens"},
			{audioInputTokens, 180, "input_audio_tokens"},
			{audioInputTokens, 181, "prompt_tokens_details.audio_tokens"},
			{audioOutputTokens, 180, "output_audio_tokens"},
			{audioOutputTokens, 181, "completion_tokens_details.audio_tokens"},
		}},
		{
			key: "langfuse.observation.cost_details",
			rows: []row{
				{costDetail, 20, "total"},
				{costInput, 40, "input"},
				{costOutput, 40, "output"},
			},
			sum: row{costDetail, 25, "total"},
		},
		{key: "langfuse.observation.model.parameters", rows: []row{
			{temperature, 40, "temperature"},
			{topP, 40, "top_p"},
			{maxTokens, 70, "max_tokens"},
			{maxTokens, 71, "max_completion_tokens"},
			{maxTokens, 72, "maxTokens"},
			{reasoningLevel, 50, "reasoning_effort"},
			{serviceTier, 86, "service_tier"},
		}},
	},
}
