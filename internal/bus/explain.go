package bus

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Advice says in a sentence what a person can do about an error of this
// package, "" if nothing in particular.
func Advice(err error) string {
	var eof *kgo.ErrFirstReadEOF
	switch {
	case err == nil, errors.Is(err, ErrUnfit):
		return "" // says it itself
	case errors.Is(err, ErrNoTopic), errors.Is(err, kerr.UnknownTopicOrPartition):
		return "create the topic, or let us do it with --create-topics"
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		return "Kafka refuses this user and password: check --kafka-user, the password file or SPANMILL_KAFKA_PASSWORD, and that --kafka-sasl is the mechanism the user was made for"
	case errors.Is(err, kerr.UnsupportedSaslMechanism), errors.Is(err, kerr.IllegalSaslState):
		return "the brokers do not take this SASL mechanism on this listener: choose another by --kafka-sasl"
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.GroupAuthorizationFailed),
		errors.Is(err, kerr.ClusterAuthorizationFailed):
		return "the user lacks a right: grant Describe, Read, Write (and Create with --create-topics) on the topics, Describe of their settings, and Read on the group"
	case errors.Is(err, kerr.InvalidReplicationFactor), errors.Is(err, kerr.InvalidConfig):
		return "there are fewer brokers than --replication asks for, or a setting they do not take: choose a smaller --replication, or -1 for the brokers' default"
	case strings.Contains(err.Error(), "tls alert record"): // how the library puts it; it has no type
		return "the broker speaks TLS on this port: add --kafka-tls"
	case errors.As(err, &eof) && strings.Contains(err.Error(), "client is using TLS"):
		return "the broker hung up on our TLS greeting: choose its TLS port, or leave out --kafka-tls"
	case errors.As(err, &eof):
		return "the broker hung up on our first words: it may want TLS (--kafka-tls) or SASL (--kafka-sasl) on this port"
	}
	if advice := tlsAdvice(err); advice != "" {
		return advice
	}
	return netAdvice(err)
}

func tlsAdvice(err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "the broker's certificate is signed by nobody this machine trusts: name its CA by --kafka-ca-file"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "the broker's certificate is for another name: dial it by that name, or give the name by --kafka-server-name"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "the broker does not speak TLS on this port: choose its TLS port, or leave out --kafka-tls"
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok || strings.Contains(err.Error(), "remote error: tls") {
		return "the broker refuses our side of TLS: it may want a client certificate (--kafka-cert-file, --kafka-key-file)"
	}
	return ""
}

func netAdvice(err error) string {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return "no such host as " + dns.Name + ": check --brokers, and the names that the brokers advertise (advertised.listeners)"
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: is Kafka running, and is --brokers right?"
	case errors.Is(err, io.EOF):
		return "the broker hung up: it may be starting, or want TLS (--kafka-tls) or SASL (--kafka-sasl)"
	}
	return ""
}
