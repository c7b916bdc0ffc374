package store

import "github.com/spanmill/spanmill/pkg/schema"

// TracePartBlock is rows of table trace_parts. The zero value is not usable;
// see NewTracePartBlock.
type TracePartBlock struct {
	columns

	tenant, experimentID, serviceName dict
	traceID, rootSpanID               text
	hasRoot, isEval                   fixed[uint8]
	rootName                          dict
	rootStatus                        fixed[int8]
	rootStart, rootEnd                fixed[uint64]
	startTime, endTime                fixed[int64]
	minStart, maxEnd                  fixed[uint64]
	spans, errors, llmCalls           fixed[uint32]
	inputTokens, outputTokens         fixed[uint64]
	cost, costInput                   fixed[int64]
	sessionID, userID                 text
	resources                         dictList
	tells                             fixed[uint8]
	inputPreview, outputPreview       text
	receivedAt                        fixed[int64]
	partDay, retentionDays            fixed[uint16]
	src                               sourceColumns
	srcLast                           fixed[int64]
}

// NewTracePartBlock makes an empty block.
func NewTracePartBlock() *TracePartBlock {
	b := &TracePartBlock{}
	b.list = []namedColumn{
		{"tenant", &b.tenant},
		{"experiment_id", &b.experimentID},
		{"service_name", &b.serviceName},
		{"trace_id", &b.traceID},
		{"is_eval", b.isEval.as(typeBool)},
		{"has_root", b.hasRoot.as(typeBool)},
		{"root_span_id", &b.rootSpanID},
		{"root_name", &b.rootName},
		{"root_status", b.rootStatus.as(typeStatus)},
		{"root_start_unix_nano", b.rootStart.as(typeUInt64)},
		{"root_end_unix_nano", b.rootEnd.as(typeUInt64)},
		{"start_time", b.startTime.as(typeNano)},
		{"end_time", b.endTime.as(typeNano)},
		{"start_unix_nano", b.minStart.as(typeUInt64)},
		{"end_unix_nano", b.maxEnd.as(typeUInt64)},
		{"spans", b.spans.as(typeUInt32)},
		{"errors", b.errors.as(typeUInt32)},
		{"llm_calls", b.llmCalls.as(typeUInt32)},
		{"input_tokens", b.inputTokens.as(typeUInt64)},
		{"output_tokens", b.outputTokens.as(typeUInt64)},
		{"cost", b.cost.as(typeDollars)},
		{"cost_input", b.costInput.as(typeDollars)},
		{"session_id", &b.sessionID},
		{"user_id", &b.userID},
		{"resources", &b.resources},
		{"tells", b.tells.as(typeUInt8)},
		{"input_preview", &b.inputPreview},
		{"output_preview", &b.outputPreview},
		{"received_at", b.receivedAt.as(typeMilli)},
		{"part_day", b.partDay.as(typeDate)},
		{"retention_days", b.retentionDays.as(typeUInt16)},
		{"src_log", &b.src.log},
		{"src_partition", b.src.partition.as(typeInt32)},
		{"src_first_offset", b.src.offset.as(typeInt64)},
		{"src_offset", b.srcLast.as(typeInt64)},
	}
	return b
}

// Append adds one row and copies all it needs of p.
func (b *TracePartBlock) Append(p *schema.TracePart) {
	b.tenant.add(p.Tenant)
	b.experimentID.add(p.ExperimentID)
	b.serviceName.add(p.ServiceName)
	b.traceID.hex(p.TraceID[:])
	b.isEval.add(bit(p.Eval))
	b.hasRoot.add(bit(p.HasRoot))
	if p.HasRoot {
		b.rootSpanID.hex(p.RootSpanID[:])
	} else {
		b.rootSpanID.add("")
	}
	b.rootName.add(p.RootName)
	b.rootStatus.add(statusOf(p.RootStatus))
	b.rootStart.add(p.RootStart)
	b.rootEnd.add(p.RootEnd)
	b.startTime.add(nanoTime(p.MinStart))
	b.endTime.add(nanoTime(p.MaxEnd))
	b.minStart.add(p.MinStart)
	b.maxEnd.add(p.MaxEnd)
	b.spans.add(p.Spans)
	b.errors.add(p.Errors)
	b.llmCalls.add(p.LLMCalls)
	b.inputTokens.add(p.InputTokens)
	b.outputTokens.add(p.OutputTokens)
	b.cost.add(int64(min(p.CostNano, schema.MaxCostNano)))
	b.costInput.add(int64(min(p.CostInputNano, schema.MaxCostNano)))
	b.sessionID.add(p.SessionID)
	b.userID.add(p.UserID)
	b.resources.add(p.Resources)
	b.tells.add(uint8(p.Tells))
	b.inputPreview.add(p.InputPreview)
	b.outputPreview.add(p.OutputPreview)
	b.receivedAt.add(p.ReceivedMilli)
	b.partDay.add(p.PartDay)
	b.retentionDays.add(p.RetentionDays)
	b.src.log.add(p.Log)
	b.src.partition.add(p.Partition)
	b.src.offset.add(p.FirstOffset)
	b.srcLast.add(p.LastOffset)
	b.rows++
}
