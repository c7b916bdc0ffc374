// Package sender sends a generator's spans as an OTLP/HTTP exporter would, and
// enters each request into a ledger: before its first try, and when it has its
// final answer. Requests that meet overload or no answer are sent again, byte
// for byte, until they are answered: what the product acked is never in doubt,
// and what it never saw is never called sent.
package sender
