// Package prometheus holds the alerts that go with the product's metrics.
package prometheus

import _ "embed" // of the rules

// Rules is rules.yml, in Prometheus's format.
//
//go:embed rules.yml
var Rules []byte
