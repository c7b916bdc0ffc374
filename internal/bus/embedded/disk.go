package embedded

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// formatVersion is the version of kfake's files that we understand.
const formatVersion = 1

// The files of kfake's data directory that matter here.
type (
	topicsFile struct {
		Version int `json:"version"`
		Topics  []struct {
			Name       string `json:"name"`
			ID         string `json:"id"` // base64
			Partitions int    `json:"partitions"`
		} `json:"topics"`
	}

	// snapshotFile describes a partition. kfake trusts it when it names every
	// segment at its present size, and else reads the whole log into memory and
	// forgets the log start.
	snapshotFile struct {
		Version          int               `json:"version"`
		HighWatermark    int64             `json:"high_watermark"`
		LastStableOffset int64             `json:"last_stable_offset"`
		LogStartOffset   int64             `json:"log_start_offset"`
		Epoch            int32             `json:"epoch"`
		LeaderNode       int32             `json:"leader_node,omitempty"`
		MaxTimestamp     int64             `json:"max_timestamp"`
		CreatedAt        time.Time         `json:"created_at"`
		AbortedTxns      json.RawMessage   `json:"aborted_txns,omitempty"`
		Segments         []snapshotSegment `json:"segments"`
	}

	snapshotSegment struct {
		BaseOffset int64 `json:"base_offset"`
		Size       int64 `json:"size"`
		MinEpoch   int32 `json:"min_epoch,omitempty"`
		MaxEpoch   int32 `json:"max_epoch,omitempty"`
	}

	groupEntry struct {
		Type     string  `json:"type"`
		Group    string  `json:"g"`
		Topic    string  `json:"t"`
		Part     int32   `json:"p"`
		Offset   int64   `json:"o"`
		Metadata *string `json:"m"`
		Milli    int64   `json:"lc"` // when it was committed; 0: not known
	}

	// pidEntry is a line of pids.log. One of type timeout says that a producer's
	// transaction was ended for it, by a newer epoch.
	pidEntry struct {
		Type  string `json:"type"`
		PID   int64  `json:"pid"`
		Epoch int16  `json:"epoch"`
		TxID  string `json:"txid,omitempty"`
	}
)

// topicPartition is a partition by name.
type topicPartition struct {
	topic     string
	partition int32
}

// segment is one file of a partition's log.
type segment struct {
	base    int64
	size    int64
	written time.Time // last appended to
	batches int       // once it was scanned
}

func partitionDir(dir string, tp topicPartition) string {
	return filepath.Join(dir, "partitions", fmt.Sprintf("%s-%d", url.PathEscape(tp.topic), tp.partition))
}

func segmentPath(dir string, base int64) string {
	return filepath.Join(dir, strconv.FormatInt(base, 10)+".dat")
}

func indexPath(dir string, base int64) string {
	return filepath.Join(dir, strconv.FormatInt(base, 10)+".idx")
}

// partitions lists the partitions that have a directory.
func partitions(dir string) ([]topicPartition, error) {
	entries, err := os.ReadDir(filepath.Join(dir, "partitions"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var out []topicPartition
	for _, e := range entries {
		at := strings.LastIndexByte(e.Name(), '-')
		if at < 0 {
			continue
		}
		topic, err1 := url.PathUnescape(e.Name()[:at])
		n, err2 := strconv.ParseInt(e.Name()[at+1:], 10, 32)
		if err1 == nil && err2 == nil {
			out = append(out, topicPartition{topic, int32(n)})
		}
	}
	return out, err
}

// segments lists a partition's files by base offset.
func segments(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []segment
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".dat")
		base, err := strconv.ParseInt(name, 10, 64)
		if !ok || err != nil {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // trimmed while we looked
		}
		if err != nil {
			return nil, err
		}
		out = append(out, segment{base: base, size: info.Size(), written: info.ModTime()})
	}
	slices.SortFunc(out, func(a, b segment) int { return int(min(max(a.base-b.base, -1), 1)) })
	return out, nil
}

// readTopics gives the topics' ids and partition counts; none in a new directory.
func readTopics(dir string) (topicsFile, error) {
	var t topicsFile
	found, err := readJSON(filepath.Join(dir, "topics.json"), &t)
	if err == nil && found && t.Version != formatVersion {
		err = fmt.Errorf("topics.json has version %d, this binary knows %d", t.Version, formatVersion)
	}
	return t, err
}

// topicID decodes a topic's id.
func topicID(text string) (id [16]byte, err error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) != len(id) {
		return id, fmt.Errorf("topic id %q is no base64 of 16 bytes", text)
	}
	return [16]byte(b), nil
}

// readCommits gives the newest commit of every group and partition.
func readCommits(dir string) ([]groupEntry, error) {
	raw, err := os.ReadFile(filepath.Join(dir, "groups.log"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	type key struct {
		group string
		tp    topicPartition
	}
	newest := make(map[key]groupEntry)
	_, err = eachFrame(raw, func(text []byte) error {
		var e groupEntry
		if err := json.Unmarshal(text, &e); err != nil {
			return err
		}
		k := key{e.Group, topicPartition{e.Topic, e.Part}}
		switch e.Type {
		case "commit":
			newest[k] = e
		case "delete":
			delete(newest, k)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("groups.log: %w", err)
	}
	var out []groupEntry
	for _, e := range newest {
		out = append(out, e)
	}
	return out, nil
}

// eachFrame visits the JSON of a log's frames, and gives how many bytes are whole
// ones: length, CRC-32C, version, JSON; the length counts from the version. A torn
// tail ends the log.
func eachFrame(raw []byte, visit func(text []byte) error) (whole int64, err error) {
	for len(raw) >= 10 {
		size := int(binary.LittleEndian.Uint32(raw))
		if size < 2 || 8+size > len(raw) || crc32.Checksum(raw[8:8+size], castagnoli()) != binary.LittleEndian.Uint32(raw[4:]) {
			break
		}
		if v := binary.LittleEndian.Uint16(raw[8:]); v != formatVersion {
			return whole, fmt.Errorf("it has version %d, this binary knows %d", v, formatVersion)
		}
		if err := visit(raw[10 : 8+size]); err != nil {
			return whole, err
		}
		whole += int64(8 + size)
		raw = raw[8+size:]
	}
	return whole, nil
}

// frame is a frame of a log.
func frame(text []byte) []byte {
	raw := make([]byte, 10, 10+len(text))
	binary.LittleEndian.PutUint32(raw, uint32(2+len(text)))
	binary.LittleEndian.PutUint16(raw[8:], formatVersion)
	raw = append(raw, text...)
	binary.LittleEndian.PutUint32(raw[4:], crc32.Checksum(raw[8:], castagnoli()))
	return raw
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

func readJSON(path string, v any) (found bool, err error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return false, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return true, nil
}

// writeJSON replaces a file so that either the old or the new one survives.
func writeJSON(path string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f, err := os.Create(path + ".tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes created, renamed and removed names of a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
