// Package auth tells who is calling: an API key belongs to a tenant and carries
// rights. Gateway, MLflow door and API ask here and nowhere else.
//
// Keys live in a YAML file that holds their SHA-256, never the keys:
//
//   - sha256: 4c1f…            # printed beside the key when it is made
//     tenant: acme
//     rights: [write, read]
//     name: checkout service   # optional, for people
//
// The file is read again when it changes; a version that cannot be used is
// logged and the keys in force stay. Without a file everyone is the default
// tenant with all rights, which is meant for loopback: CheckBind refuses other
// addresses unless told that this is wanted.
//
// Invariants:
//
//   - A1: no key and no key's hash ever reaches a log, an error or an answer.
//   - A2: how long a look-up takes says nothing about which hashes exist.
package auth
