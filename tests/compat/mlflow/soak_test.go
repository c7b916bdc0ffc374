//go:build soak

package mlflow_test

import "testing"

// TestSoakLoad: 100,000 traces of eight processes.
func TestSoakLoad(t *testing.T) { testLoad(t, start(t), 8, 12_500) }

// TestSoakGatewayKilled: the gateway is killed five times under load.
func TestSoakGatewayKilled(t *testing.T) { testKill(t, 4, 1500, 5) }
