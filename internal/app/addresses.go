package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Addresses is the contract with scripts: where a running `spanmill up` can be
// reached. All are host:port.
type Addresses struct {
	OTLPHTTP string `json:"otlp_http"`
	OTLPGRPC string `json:"otlp_grpc"`
	// MLflow is the tracking URI of MLflow's clients, without its scheme; "" if
	// there is no such door.
	MLflow string `json:"mlflow"`
	// API has the live metrics, for people and Prometheus; "" if there is none.
	API                string `json:"api"`
	Kafka              string `json:"kafka"`
	ClickHouseHTTP     string `json:"clickhouse_http"`
	ClickHouseNative   string `json:"clickhouse_native"`
	Admin              string `json:"admin"`
	ClickHouseUser     string `json:"clickhouse_user"`
	ClickHousePassword string `json:"clickhouse_password"`
	PIDs               PIDs   `json:"pids"`
	// Writer is what 'spanmill verify' and 'spanmill replay' decide by.
	Writer WriterSettings `json:"writer"`
}

// PIDs are the processes of a running `spanmill up`. Engine is 0 when an
// outside ClickHouse is used.
type PIDs struct {
	Spanmill int `json:"spanmill"`
	Engine   int `json:"engine"`
}

// addressesName is the file in the data directory that `spanmill sql` and
// `spanmill doctor` look for when they are told nothing.
const addressesName = "addresses.json"

// write puts the addresses where scripts wait for them: whole or not at all,
// readable by the owner only, since the password is in it.
func (a Addresses) write(path string) error {
	text, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return fmt.Errorf("encode addresses: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".addresses-*")
	if err != nil {
		return fmt.Errorf("write addresses: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write addresses: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// addressesPath is the file that was named, else the one in the data directory.
func addressesPath(file, dataDir string) string {
	if file != "" {
		return file
	}
	return filepath.Join(dataDir, addressesName)
}

// readAddresses reads the file of a running `spanmill up`.
func readAddresses(path string) (Addresses, error) {
	var a Addresses
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return a, fmt.Errorf("no addresses file %s: is `spanmill up` running with this data directory? Name its file by --addresses", path)
	}
	if err != nil {
		return a, fmt.Errorf("read addresses: %w", err)
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return a, fmt.Errorf("read addresses %s: %w", path, err)
	}
	return a, nil
}
