package app

import (
	"fmt"
	"os"
	"strings"
)

// Secrets come from a file or from the environment, never from a flag:
// arguments are public.
const (
	clickHousePassword = "SPANMILL_CLICKHOUSE_PASSWORD" //nolint:gosec // the variable's name
	kafkaPassword      = "SPANMILL_KAFKA_PASSWORD"      //nolint:gosec // the variable's name
)

// secret reads a file if one is named, else a variable of the environment.
func secret(what, file, variable string) (string, error) {
	if file == "" {
		return os.Getenv(variable), nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the %s password: %w", what, err)
	}
	password := strings.TrimSpace(string(text))
	if password == "" {
		return "", fmt.Errorf("the %s password file %s is empty", what, file)
	}
	return password, nil
}

// apiKey reads the key that a command shows to gateways and APIs; "" without a file.
func apiKey(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the API key: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}
