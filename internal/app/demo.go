package app

type demoCommand struct{}

func (demoCommand) Run(c *console) error { return nil }
