package kafka

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"
)

// certify makes an authority, a certificate for the broker and one for a client.
func (b *Broker) certify(t testing.TB) {
	t.Helper()
	caKey, ca := issue(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "spanmill test authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}, nil, nil)
	serverKey, server := issue(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "broker"}, DNSNames: []string{"localhost", "broker.test"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, ca, caKey)
	clientKey, client := issue(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: User}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, ca, caKey)
	b.CAFile, b.ClientCert, b.ClientKey = b.path("ca.pem"), b.path("client.pem"), b.path("client.key")
	write(t, b.CAFile, encode("CERTIFICATE", ca.Raw))
	write(t, b.path("server.pem"), encode("PRIVATE KEY", keyBytes(t, serverKey))+encode("CERTIFICATE", server.Raw))
	write(t, b.ClientCert, encode("CERTIFICATE", client.Raw))
	write(t, b.ClientKey, encode("PRIVATE KEY", keyBytes(t, clientKey)))
}

// issue signs a certificate; without a parent it signs itself.
func issue(t testing.TB, c, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	if parent == nil {
		parent, parentKey = c, key
	}
	raw, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	out, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return key, out
}

func keyBytes(t testing.TB, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func encode(kind string, raw []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}))
}
