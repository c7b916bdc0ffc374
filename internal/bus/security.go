package bus

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// Names of Credentials.Mechanism.
const (
	MechanismNone   = "none"
	MechanismPlain  = "plain"
	MechanismSCRAM  = "scram-sha-256"
	MechanismSCRAM5 = "scram-sha-512"
)

// Credentials are what a client says of itself by SASL. The zero value says
// nothing.
type Credentials struct {
	// Mechanism is one of the Mechanism… constants; "" is none.
	Mechanism      string
	User, Password string
}

// Validate reports what cannot work.
func (c Credentials) Validate() error {
	switch c.Mechanism {
	case "", MechanismNone:
		if c.User != "" || c.Password != "" {
			return errors.New("kafka user or password without a SASL mechanism: name one")
		}
		return nil
	case MechanismPlain, MechanismSCRAM, MechanismSCRAM5:
		if c.User == "" {
			return fmt.Errorf("SASL mechanism %s wants a user", c.Mechanism)
		}
		return nil
	}
	return fmt.Errorf("SASL mechanism %q is unknown: use %s, %s, %s or %s", c.Mechanism,
		MechanismNone, MechanismPlain, MechanismSCRAM, MechanismSCRAM5)
}

// mechanism is nil for clients that say nothing.
func (c Credentials) mechanism() sasl.Mechanism {
	switch c.Mechanism {
	case MechanismPlain:
		return plain.Auth{User: c.User, Pass: c.Password}.AsMechanism()
	case MechanismSCRAM:
		return scram.Auth{User: c.User, Pass: c.Password}.AsSha256Mechanism()
	case MechanismSCRAM5:
		return scram.Auth{User: c.User, Pass: c.Password}.AsSha512Mechanism()
	}
	return nil
}

// secure adds TLS and SASL to a client's options.
func secure(cfg Config, opts []kgo.Opt) []kgo.Opt {
	if cfg.TLS != nil {
		opts = append(opts, kgo.DialTLSConfig(cfg.TLS))
	}
	if m := cfg.Credentials.mechanism(); m != nil {
		opts = append(opts, kgo.SASL(m))
	}
	return opts
}

// TLSFiles name what TLS is made of; each may be "".
type TLSFiles struct {
	// CA holds the certificates that may have signed the brokers'; "": those
	// that the machine trusts.
	CA string
	// Cert and Key are our own certificate, for brokers that ask for one. They
	// are read again for every connection, so that a renewed one is used.
	Cert, Key string
	// ServerName is the name in the brokers' certificates when it is not the
	// one that they are dialled by.
	ServerName string
}

// Load reads the files.
func (f TLSFiles) Load() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: f.ServerName}
	if f.CA != "" {
		text, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, fmt.Errorf("read the CA file: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("the CA file %s holds no certificate in PEM", f.CA)
		}
	}
	if (f.Cert == "") != (f.Key == "") {
		return nil, errors.New("a client certificate and its key go together: name both files or none")
	}
	if f.Cert == "" {
		return cfg, nil
	}
	if _, err := tls.LoadX509KeyPair(f.Cert, f.Key); err != nil {
		return nil, fmt.Errorf("load the client certificate: %w", err)
	}
	cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			return nil, fmt.Errorf("load the client certificate: %w", err)
		}
		return &pair, nil
	}
	return cfg, nil
}
