package bus

import (
	"errors"
	"maps"
	"strings"
	"testing"
)

func TestJudgeTopicNamesTheRisk(t *testing.T) {
	t.Parallel()
	good := map[string]string{"cleanup.policy": "delete", "min.insync.replicas": "2", "unclean.leader.election.enable": "false", "max.message.bytes": "20971520"}
	for _, tt := range []struct {
		name     string
		replicas int
		change   map[string]string
		want     []string
	}{
		{"as it should be", 3, nil, nil},
		{"one replica", 1, nil, []string{"lost with that broker's disk"}},
		{"one may acknowledge alone", 3, map[string]string{"min.insync.replicas": "1"}, []string{"one broker alone"}},
		{"no broker may be down", 2, nil, []string{"while any broker is down"}},
		{"unclean election", 3, map[string]string{"unclean.leader.election.enable": "true"}, []string{"unclean leader election"}},
		{"small messages", 3, map[string]string{"max.message.bytes": "1048588"}, []string{"max.message.bytes=1048588"}},
	} {
		settings := maps.Clone(good)
		maps.Copy(settings, tt.change)
		warnings, err := judgeTopic(Topic{Name: "spans"}, tt.replicas, settings)
		if err != nil || len(warnings) != len(tt.want) {
			t.Errorf("%s: %q, %v", tt.name, warnings, err)
			continue
		}
		for i := range tt.want {
			if !strings.Contains(warnings[i], tt.want[i]) {
				t.Errorf("%s: %q, want %q", tt.name, warnings[i], tt.want[i])
			}
		}
	}
	if _, err := judgeTopic(Topic{Name: "spans"}, 3, map[string]string{"cleanup.policy": "compact"}); !errors.Is(err, ErrUnfit) {
		t.Errorf("a compacted topic: %v", err)
	}
}
