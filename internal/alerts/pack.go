package alerts

import _ "embed" // the rules

// packName is what alerts.yaml includes the shipped rules by.
const packName = "llm"

// PackText is the file of the shipped rules.
//
//go:embed pack.yaml
var PackText []byte

// Pack are the rules that come with the product, for LLM applications.
func Pack() []Rule {
	rules, err := Parse(packName, PackText)
	if err != nil {
		panic(err) // a test reads it
	}
	return rules.Rules
}
