package store

import (
	"math"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/spanmill/spanmill/pkg/schema"
)

// callColumns are what normalisation made of a span beyond who, which model and
// how many tokens: how the call was made and answered, and what is named in it.
type callColumns struct {
	cacheWrite1hTokens                  rareCount
	audioInputTokens, audioOutputTokens rareCount
	usageFlags, contentFlags            rareByte

	serviceTier                 rareDict
	isBatch, isStream           rareByte
	ttft                        rareCount
	finishReasons               dictList
	responseID                  rareText
	responseStatus              rareDict
	temperature, topP           rareReal
	maxTokens, choiceCount      rareCount
	reasoningLevel, outputType  rareDict
	release, appVersion         rareDict
	traceName, level            rareDict
	tags                        dictList
	displayName                 rareDict
	agentID, agentVersion       rareDict
	workflowName                rareDict
	toolCallID                  rareText
	toolType                    rareDict
	promptName, promptVersion   rareDict
	dataSourceID, serverAddress rareDict
	providerInferred            rareByte
}

// Few spans fill many of these columns.
type (
	rareCount = rare[nullable, schema.Count, *nullable]
	rareReal  = rare[nullableReal, schema.Real, *nullableReal]
	rareByte  = rare[fixed[uint8], uint8, *fixed[uint8]]
	rareDict  = rare[dict, string, *dict]
	rareText  = rare[text, string, *text]
)

func (c *callColumns) list() []namedColumn {
	c.usageFlags.column.as(typeUInt8)
	c.contentFlags.column.as(typeUInt8)
	c.isBatch.column.as(typeBool)
	c.isStream.column.as(typeBool)
	c.providerInferred.column.as(typeBool)
	return []namedColumn{
		{"cache_write_1h_tokens", &c.cacheWrite1hTokens},
		{"audio_input_tokens", &c.audioInputTokens},
		{"audio_output_tokens", &c.audioOutputTokens},
		{"usage_flags", &c.usageFlags},
		{"content_flags", &c.contentFlags},
		{"service_tier", &c.serviceTier},
		{"is_batch", &c.isBatch},
		{"is_stream", &c.isStream},
		{"ttft_ns", &c.ttft},
		{"finish_reasons", &c.finishReasons},
		{"response_id", &c.responseID},
		{"response_status", &c.responseStatus},
		{"temperature", &c.temperature},
		{"top_p", &c.topP},
		{"max_tokens", &c.maxTokens},
		{"choice_count", &c.choiceCount},
		{"reasoning_level", &c.reasoningLevel},
		{"output_type", &c.outputType},
		{"release", &c.release},
		{"app_version", &c.appVersion},
		{"trace_name", &c.traceName},
		{"level", &c.level},
		{"tags", &c.tags},
		{"display_name", &c.displayName},
		{"agent_id", &c.agentID},
		{"agent_version", &c.agentVersion},
		{"workflow_name", &c.workflowName},
		{"tool_call_id", &c.toolCallID},
		{"tool_type", &c.toolType},
		{"prompt_name", &c.promptName},
		{"prompt_version", &c.promptVersion},
		{"data_source_id", &c.dataSourceID},
		{"server_address", &c.serverAddress},
		{"provider_inferred", &c.providerInferred},
	}
}

func (c *callColumns) add(g *schema.GenAI) {
	c.cacheWrite1hTokens.add(g.CacheWrite1hTokens)
	c.audioInputTokens.add(g.AudioInputTokens)
	c.audioOutputTokens.add(g.AudioOutputTokens)
	c.usageFlags.add(uint8(g.UsageFlags))
	c.contentFlags.add(uint8(g.ContentFlags))
	c.serviceTier.add(g.ServiceTier)
	c.isBatch.add(bit(g.Batch))
	c.isStream.add(bit(g.Stream))
	c.ttft.add(g.TTFTNs)
	c.finishReasons.add(g.FinishReasons)
	c.responseID.add(g.ResponseID)
	c.responseStatus.add(g.ResponseStatus)
	c.temperature.add(g.Request.Temperature)
	c.topP.add(g.Request.TopP)
	c.maxTokens.add(g.Request.MaxTokens)
	c.choiceCount.add(g.Request.ChoiceCount)
	c.reasoningLevel.add(g.Request.ReasoningLevel)
	c.outputType.add(g.Request.OutputType)
	c.release.add(g.Release)
	c.appVersion.add(g.AppVersion)
	c.traceName.add(g.TraceName)
	c.level.add(g.Level)
	c.tags.add(g.Tags)
	c.displayName.add(g.DisplayName)
	c.agentID.add(g.AgentID)
	c.agentVersion.add(g.AgentVersion)
	c.workflowName.add(g.WorkflowName)
	c.toolCallID.add(g.ToolCallID)
	c.toolType.add(g.ToolType)
	c.promptName.add(g.PromptName)
	c.promptVersion.add(g.PromptVersion)
	c.dataSourceID.add(g.DataSourceID)
	c.serverAddress.add(g.ServerAddress)
	c.providerInferred.add(bit(g.ProviderInferred))
}

// nullableReal is a column of real numbers that may be absent.
type nullableReal struct {
	nulls  proto.ColUInt8
	values proto.ColUInt64 // IEEE 754 bits
}

func (c *nullableReal) add(r schema.Real) {
	c.nulls = append(c.nulls, bit(!r.Set))
	c.values = append(c.values, math.Float64bits(r.V))
}

func (c *nullableReal) Type() proto.ColumnType { return "Nullable(Float64)" }
func (c *nullableReal) Rows() int              { return len(c.nulls) }
func (c *nullableReal) size() int              { return 9 * len(c.nulls) }
func (c *nullableReal) reset()                 { c.nulls, c.values = recycle(c.nulls), recycle(c.values) }

func (c *nullableReal) EncodeColumn(b *proto.Buffer) {
	c.nulls.EncodeColumn(b)
	c.values.EncodeColumn(b)
}

func (c *nullableReal) WriteColumn(w *proto.Writer) {
	c.nulls.WriteColumn(w)
	c.values.WriteColumn(w)
}

// dictList is an Array(LowCardinality(String)) column with ends of its own.
type dictList struct {
	ends  ends
	words dict
}

func (c *dictList) add(words []string) {
	for _, w := range words {
		c.words.add(w)
	}
	c.ends.add(c.words.Rows())
}

func (c *dictList) array() array                 { return array{&c.ends, &c.words} }
func (c *dictList) Type() proto.ColumnType       { return c.array().Type() }
func (c *dictList) Rows() int                    { return len(c.ends.offsets) }
func (c *dictList) size() int                    { return c.array().size() }
func (c *dictList) EncodeState(b *proto.Buffer)  { c.array().EncodeState(b) }
func (c *dictList) EncodeColumn(b *proto.Buffer) { c.array().EncodeColumn(b) }
func (c *dictList) WriteColumn(w *proto.Writer)  { c.array().WriteColumn(w) }

func (c *dictList) reset() {
	c.ends.reset()
	c.words.reset()
}
