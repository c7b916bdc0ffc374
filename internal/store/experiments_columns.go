package store

import "github.com/spanmill/spanmill/pkg/schema"

// ExperimentBlock is rows of table experiments. The zero value is not usable;
// see NewExperimentBlock.
type ExperimentBlock struct {
	columns

	tenant                     dict
	id, name, artifactLocation text
	stage                      dict
	create, update             fixed[int64]
	tags                       textMap
	version                    fixed[schema.Version]
	receivedAt                 fixed[int64]
	src                        sourceColumns
}

// NewExperimentBlock makes an empty block.
func NewExperimentBlock() *ExperimentBlock {
	b := &ExperimentBlock{}
	b.list = []namedColumn{
		{"tenant", &b.tenant},
		{"experiment_id", &b.id},
		{"name", &b.name},
		{"artifact_location", &b.artifactLocation},
		{"stage", &b.stage},
		{"create_ms", b.create.as(typeInt64)},
		{"update_ms", b.update.as(typeInt64)},
		{"tags", &b.tags},
		{"version", b.version.as(typeVersion)},
		{"received_at", b.receivedAt.as(typeMilli)},
		{"src_log", &b.src.log},
		{"src_partition", b.src.partition.as(typeInt32)},
		{"src_offset", b.src.offset.as(typeInt64)},
	}
	return b
}

// Append adds one row.
func (b *ExperimentBlock) Append(r *schema.ExperimentRow) {
	x := r.Experiment
	b.tenant.add(r.Tenant)
	b.id.add(x.ID)
	b.name.add(x.Name)
	b.artifactLocation.add(x.ArtifactLocation)
	b.stage.add(x.Stage)
	b.create.add(x.CreateMilli)
	b.update.add(x.UpdateMilli)
	b.tags.add(x.Tags)
	b.version.add(r.Version)
	b.receivedAt.add(r.ReceivedMilli)
	b.src.log.add(r.Log)
	b.src.partition.add(r.Partition)
	b.src.offset.add(r.Offset)
	b.rows++
}
