// Package llmfake answers as the HTTP APIs of OpenAI (chat completions,
// responses, embeddings), Anthropic (messages) and Gemini (generateContent,
// embedContent) do, without a model and without a network: what the SDKs and
// the instrumentations of those APIs need to run in tests.
//
//	fake := httptest.NewServer(llmfake.New())
//	… OPENAI_BASE_URL=fake.URL/v1, ANTHROPIC_BASE_URL=fake.URL, Gemini base_url fake.URL …
//
// One handler serves all three: their paths differ. `go run
// ./tests/llmfake/serve` is the same for a shell.
//
// # The script
//
// An answer depends on the request and on nothing else, so that a conversation
// can be had again, byte by byte. script.go decides it, once for all APIs:
//
//   - tools are offered and the last turn is the user's: the first tool is
//     called, with arguments made from its schema (a "city" is Paris);
//   - the last turn is a tool's result: an answer that quotes it;
//   - a JSON schema is asked for: an object made from it;
//   - a known question has its answer (see answers); other text is echoed;
//   - "fail with NNN" fails with that status, as that API words it; a missing
//     API key or the key "wrong" is refused;
//   - "break off" answers half a stream and then cuts the connection.
//
// Tokens are a quarter of the characters, rounded up, and four for a turn.
// OpenAI and Gemini find whole blocks of 128 tokens of a prompt of 1024 or more
// in their cache. Anthropic's cache is written up to the last cache mark of a
// conversation's first turn (at the mark's time to live), and read in later
// turns. Reasoning models (o…, gpt-5…) and those asked to think spend 64 more
// tokens on it.
//
// What differs between the APIs is how they say it: Anthropic's input count
// leaves out the cache's, Gemini's candidate count leaves out thoughts.
package llmfake
