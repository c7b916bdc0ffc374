package rollup

// Row is all that a row of table rollups is made of: one metric of one series in
// one pane, of one record. It lives for one Append.
type Row struct {
	*Series
	Start   int64 // of the pane, Unix seconds
	Metric  *Metric
	PartDay uint16 // days since 1970-01-01 UTC

	RetentionDays uint16
	ReceivedMilli int64 // the record's timestamp

	// Log, Partition, Offset and Index name where the row comes from.
	Log       string // pipeline.Log.ID: topic id and incarnation
	Partition int32
	Offset    int64
	Index     uint32 // ordinal of the metric in its record
}
