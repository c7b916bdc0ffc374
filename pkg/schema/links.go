package schema

// Links of a trace are tags with these prefixes, one for each link, so that
// later ones add to earlier ones. They are not shown as tags.
const (
	// TagLinkedRun and a run's id: the trace belongs to the run too.
	TagLinkedRun = "spanmill.run/"
	// TagLinkedPrompt, a prompt's name, a slash and its version: the trace used
	// the prompt. The value is {"name":…,"version":…}: an element of MLflow's tag
	// mlflow.linkedPrompts, which readers make of them.
	TagLinkedPrompt = "spanmill.prompt/"
)
