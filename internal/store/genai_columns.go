package store

import "github.com/spanmill/spanmill/pkg/schema"

// genAIColumns are what normalisation made of a span.
type genAIColumns struct {
	operation, provider, model        dict
	requestModel, responseModel       dict
	inputTokens, outputTokens         nullable
	totalTokens                       nullable
	cacheReadTokens, cacheWriteTokens nullable
	reasoningTokens                   nullable
	usageBillable                     fixed[uint8]
	cost                              fixed[int64]
	costSource                        dict
	costComputed, costReported        nullableDollars
	costInput                         fixed[int64]
	costItemised                      fixed[uint8]
	priceVersion                      dict
	sessionID, userID                 text
	environment                       dict
	agentName, toolName, errorType    dict
	semconvFamily                     dict
	input, output                     text
	inputKey, outputKey               dict
	inputNested, outputNested         fixed[uint8]
}

func (c *genAIColumns) list() []namedColumn {
	return []namedColumn{
		{"operation", &c.operation},
		{"provider", &c.provider},
		{"model", &c.model},
		{"request_model", &c.requestModel},
		{"response_model", &c.responseModel},
		{"input_tokens", &c.inputTokens},
		{"output_tokens", &c.outputTokens},
		{"total_tokens", &c.totalTokens},
		{"cache_read_tokens", &c.cacheReadTokens},
		{"cache_write_tokens", &c.cacheWriteTokens},
		{"reasoning_tokens", &c.reasoningTokens},
		{"usage_billable", c.usageBillable.as(typeBool)},
		{"cost", c.cost.as(typeDollars)},
		{"cost_source", &c.costSource},
		{"cost_computed", &c.costComputed},
		{"cost_input", c.costInput.as(typeDollars)},
		{"cost_reported", &c.costReported},
		{"cost_itemised", c.costItemised.as(typeBool)},
		{"price_version", &c.priceVersion},
		{"session_id", &c.sessionID},
		{"user_id", &c.userID},
		{"environment", &c.environment},
		{"agent_name", &c.agentName},
		{"tool_name", &c.toolName},
		{"error_type", &c.errorType},
		{"semconv_family", &c.semconvFamily},
		{"input", &c.input},
		{"input_key", &c.inputKey},
		{"input_structured", c.inputNested.as(typeBool)},
		{"output", &c.output},
		{"output_key", &c.outputKey},
		{"output_structured", c.outputNested.as(typeBool)},
	}
}

// add appends rows, a few columns at a time: see SpanBlock.Append.
func (c *genAIColumns) add(rows []schema.SpanRow) {
	for i := range rows {
		c.addModel(rows[i].GenAI)
	}
	for i := range rows {
		c.addUsage(rows[i].GenAI)
	}
	for i := range rows {
		c.addCost(&rows[i].Cost)
	}
	for i := range rows {
		c.addNames(rows[i].GenAI)
	}
	for i := range rows {
		c.addContent(rows[i].GenAI, rows[i].Span.Attrs)
	}
}

func (c *genAIColumns) addModel(g *schema.GenAI) {
	c.operation.add(g.Operation)
	c.provider.add(g.Provider)
	c.model.add(g.Model)
	c.requestModel.add(g.RequestModel)
	c.responseModel.add(g.ResponseModel)
}

func (c *genAIColumns) addUsage(g *schema.GenAI) {
	c.inputTokens.add(g.InputTokens)
	c.outputTokens.add(g.OutputTokens)
	c.totalTokens.add(g.TotalTokens)
	c.cacheReadTokens.add(g.CacheReadTokens)
	c.cacheWriteTokens.add(g.CacheWriteTokens)
	c.reasoningTokens.add(g.ReasoningTokens)
	c.usageBillable.add(bit(g.Billable))
}

func (c *genAIColumns) addNames(g *schema.GenAI) {
	c.sessionID.add(g.SessionID)
	c.userID.add(g.UserID)
	c.environment.add(g.Environment)
	c.agentName.add(g.AgentName)
	c.toolName.add(g.ToolName)
	c.errorType.add(g.ErrorType)
	c.semconvFamily.add(g.Family)
}

// addContent appends what went in and out. attrs are the span's.
func (c *genAIColumns) addContent(g *schema.GenAI, attrs []schema.Attr) {
	c.input.add(g.Input)
	c.inputKey.add(g.InputKey)
	c.inputNested.add(nested(attrs, g.InputAttr))
	c.output.add(g.Output)
	c.outputKey.add(g.OutputKey)
	c.outputNested.add(nested(attrs, g.OutputAttr))
}

// nested tells whether the attribute that became content was a list or map: its
// JSON looks like that of a text which happens to be JSON.
func nested(attrs []schema.Attr, at int) uint8 {
	if at < 0 || at >= len(attrs) {
		return 0
	}
	t := attrs[at].Value.Type
	return bit(t == schema.ValueArray || t == schema.ValueMap)
}

// addCost stores 0 for an unknown cost, so that sums need no care; cost_source
// tells it from a cost of nothing.
func (c *genAIColumns) addCost(cost *schema.Cost) {
	c.cost.add(int64(min(cost.Nano, schema.MaxCostNano)))
	c.costSource.add(cost.Source)
	c.costComputed.add(cost.Computed)
	c.costInput.add(int64(min(cost.Input, schema.MaxCostNano)))
	c.costReported.add(cost.Reported)
	c.costItemised.add(bit(cost.Itemised))
	c.priceVersion.add(cost.Version)
}
