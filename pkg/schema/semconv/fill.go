package semconv

import (
	"math"
	"strings"

	"github.com/spanmill/spanmill/pkg/schema"
)

// fill writes the winners to out and draws the conclusions.
func (n *Normalizer) fill(span *schema.Span, out *schema.GenAI) {
	*out = schema.GenAI{
		Operation:     n.text(operation),
		Provider:      n.provider(),
		RequestModel:  n.text(requestModel),
		ResponseModel: n.text(responseModel),
	}
	out.Model = n.modelName(out)
	n.fillUsage(out)
	n.fillCost(out)
	out.Kind = n.kind
	if out.Kind == "" {
		out.Kind = n.guessKind(out)
	}
	n.fillIdentity(out)
	n.fillNames(span, out)
	n.fillCall(span, out)
	n.fillContent(span, out)
	if out.Model == "" {
		out.Model = n.modelInContent(out)
	}
	mendUsage(out)
	if n.text(clientFormat) == geminiFormat {
		mendGemini(out)
	}
	if out.Billable = n.billable(span, out); out.Billable && out.Provider == "" {
		n.inferProvider(span, out)
	}
}

func (n *Normalizer) fillIdentity(out *schema.GenAI) {
	out.SessionID = n.text(sessionID)
	out.UserID = n.text(userID)
	out.ExperimentID = n.text(experimentID)
	out.ServiceName = n.text(serviceName)
	out.Environment = n.text(environment)
	out.Release = n.text(release)
	out.AppVersion = n.text(appVersion)
}

func (n *Normalizer) fillNames(span *schema.Span, out *schema.GenAI) {
	out.AgentName = n.text(n.forKind(out, kindAgent, agentName, agentEntity))
	out.AgentID = n.text(agentID)
	out.AgentVersion = n.text(agentVersion)
	out.WorkflowName = n.text(workflowName)
	out.ToolName = n.text(n.forKind(out, kindTool, toolName, toolEntity))
	out.ToolCallID = n.text(toolCallID)
	out.ToolType = n.text(toolType)
	out.PromptName = n.text(promptName)
	out.PromptVersion = n.text(promptVersion)
	out.DataSourceID = n.text(dataSourceID)
	out.ServerAddress = n.serverAddress()
	out.TraceName = n.text(traceName)
	out.Tags = n.tags()
	out.DisplayName = n.displayName(out)
	out.Level = n.level(span)
	out.ErrorType = n.text(errorType)
	if out.ErrorType == "" {
		out.ErrorType = exceptionType(span.Events)
	}
	if out.ErrorType == "" {
		out.ErrorType = n.text(frameworkError)
	}
}

// fillCall is what the call asked for and how it was answered.
func (n *Normalizer) fillCall(span *schema.Span, out *schema.GenAI) {
	out.ServiceTier = n.lower(n.text(serviceTier))
	out.Batch = n.yes(batch)
	out.Stream = n.yes(stream) || n.best[stream].rank == noRank && n.streams(out.Operation)
	out.TTFTNs = n.firstToken(span)
	out.ResponseID = n.text(responseID)
	out.ResponseStatus = n.text(responseStatus)
	out.FinishReasons = n.finishReasons()
	if out.Kind == kindTool {
		return // whatever a tool is given under such a name, no model is asked it
	}
	out.Request = schema.Request{
		Temperature:    n.real(temperature),
		TopP:           n.real(topP),
		MaxTokens:      n.count(maxTokens),
		ChoiceCount:    n.count(choiceCount),
		ReasoningLevel: n.text(reasoningLevel),
		OutputType:     n.text(outputType),
	}
}

// forKind gives the column that a name comes from: other's counts only for
// spans of that kind.
func (n *Normalizer) forKind(out *schema.GenAI, kind string, c, other column) column {
	if out.Kind == kind && n.best[other].rank < n.best[c].rank {
		return other
	}
	return c
}

// Places in the list of what is priced: the response's model and the request's
// stand between those that only some dialects have.
const (
	langfuseModelPlace = 10
	responseModelPlace = 20
	requestModelPlace  = 40
)

// modelName gives the model to price.
func (n *Normalizer) modelName(out *schema.GenAI) string {
	switch place := n.best[model].rank; {
	case place < responseModelPlace:
		return n.text(model)
	case out.ResponseModel != "":
		return out.ResponseModel
	case place < requestModelPlace:
		return n.text(model)
	case out.RequestModel != "":
		return out.RequestModel
	case place != noRank:
		return n.text(model)
	case n.kind == kindLLM || n.kind == kindEmbedding:
		return n.text(modelEntity)
	}
	return ""
}

// displayName is what the application or its framework calls the span.
func (n *Normalizer) displayName(out *schema.GenAI) string {
	if out.Kind == kindTool && out.ToolName != "" {
		return out.ToolName
	}
	if name := n.text(displayName); name != "" {
		return name
	}
	function := n.text(functionID)
	if function == "" || out.Operation == "" {
		return function
	}
	start := len(n.made)
	n.made = append(append(append(n.made, function...), ':'), out.Operation...)
	return alias(n.made[start:])
}

// levels are the names of Python's numbers, which MLflow sends.
var levels = map[string]string{"10": "DEBUG", "20": "INFO", "30": "WARNING", "40": "ERROR", "50": "CRITICAL"}

// level is the span's importance; a failed span is an error by itself.
func (n *Normalizer) level(span *schema.Span) string {
	text := n.text(level)
	if text == "" {
		if span.StatusCode == statusError {
			return "ERROR"
		}
		return ""
	}
	if name, ok := levels[text]; ok {
		return name
	}
	return n.upper(text)
}

// statusError is OTLP's status code of a failed span.
const statusError = 2

// yes reads a truth in whatever form it was sent.
func (n *Normalizer) yes(c column) bool {
	text := n.text(c)
	return text == "1" || strings.EqualFold(text, "true")
}

// streams reports whether an operation's name says that the answer is streamed.
func (n *Normalizer) streams(operation string) bool {
	return strings.Contains(n.lower(operation), "stream")
}

func (n *Normalizer) count(c column) schema.Count {
	found := n.counts[c-textColumns]
	if found.rank == noRank {
		return schema.Count{}
	}
	return schema.Count{N: found.n, Set: true}
}

func (n *Normalizer) real(c column) schema.Real {
	found := n.count(c)
	return schema.Real{V: math.Float64frombits(found.N), Set: found.Set}
}
