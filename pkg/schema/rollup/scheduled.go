package rollup

import "slices"

// Stated is the form of what is said of a day as a whole, by SQL on a schedule:
// the newest one counts, and days do not add up.
const Stated Form = "stated"

// Scheduled are the metrics that are made by SQL on a schedule, of sessions when
// they have closed, of users and of days. Each keeps what it is of, its n, as its
// count, and what it is the part or sum of as its sum: a rate is their mean.
var Scheduled = []Definition{
	{"sessions_closed", Added, "sessions", 1, "Sessions that closed: nothing came for 30 minutes."},
	{"session_duration", Measured, "seconds", 1e-9, "From the first start to the last end of a session."},
	{"session_depth", Measured, "turns", 1, "Turns of a session: its traces with a root."},
	{"engagement_rate", Share, "ratio", 1, "Sessions of more than ten seconds, with a goal, or of two turns and more."},
	{"bounce_rate", Share, "ratio", 1, "Sessions that were not engaged."},
	{"single_turn_rate", Share, "ratio", 1, "Sessions of exactly one turn."},
	{"completion_rate", Share, "ratio", 1, "Sessions told completed or resolved; where nothing is told, those whose last turn was answered without an error and that no feedback finds bad."},
	{"completion_rate_told", Share, "ratio", 1, "Sessions told completed or resolved."},
	{"abandonment_rate", Share, "ratio", 1, "Sessions told abandoned; where nothing is told, those that nobody took over and whose last turn failed or was not answered."},
	{"abandonment_rate_strict", Share, "ratio", 1, "Sessions neither told completed or resolved nor taken over, of which no outcome is told or whose last turn failed or was not answered."},
	{"escalation_rate", Share, "ratio", 1, "Sessions that were handed over to a person."},
	{"deflection_rate", Share, "ratio", 1, "Sessions that were not: the lenient reading."},
	{"containment_rate", Share, "ratio", 1, "Sessions not handed over and not abandoned, whose user said it was good or did not come back within 48 hours: the strict reading. Told once those are over."},
	{"resolution_rate", Share, "ratio", 1, "Sessions told resolved."},
	{"recontact_rate", Share, "ratio", 1, "Resolved sessions whose user came back within 48 hours. Told once those are over."},
	{"turns_to_resolution", Measured, "turns", 1, "Turns that had started when a session was told resolved."},
	{"cost_per_session", Added, "US dollars", 1e-9, "Cost by sessions."},
	{"cost_per_resolution", Added, "US dollars", 1e-9, "Cost of all sessions by those told resolved."},
	{"productivity", Added, "tasks per hour", 3600e9, "Completed tasks by the hours that users were in sessions."},
	{"conversion_rate", Share, "ratio", 1, "Sessions with the goal."},
	{"conversion_rate_users", Share, "ratio", 1, "Users of a day with the goal on that day."},
	{"funnel_step_rate", Share, "ratio", 1, "Sessions that reached a step of a funnel soon enough, of those that reached the one before."},
	{"tasks_completed_rate", Share, "ratio", 1, "Completed tasks by those started."},
	{"automation_rate", Share, "ratio", 1, "Tasks completed in sessions that nobody took over, by those started."},
	{"cost_per_task", Added, "US dollars", 1e-9, "Cost of sessions that completed such a task, by tasks."},
	{"minutes_saved", Added, "minutes", 1e-6, "Minutes that completed tasks saved: as they say, else as is assumed of the task, less what the turns took."},
	{"value", Added, "US dollars", 1e-9, "Value of goals, of minutes saved, and of tickets that deflected sessions saved, as is assumed."},
	{"value_strict", Added, "US dollars", 1e-9, "Likewise, of tickets that contained sessions saved. Told once 48 hours are over."},
	{"roi", Added, "ratio", 1, "(Value − cost) ÷ cost: cost of sessions, and of days as is assumed."},
	{"roi_strict", Added, "ratio", 1, "Likewise, with value_strict."},
	{"ticket_reduction", Added, "ratio", 1, "1 − tickets opened ÷ tickets of a day before, as is assumed; of days with sessions."},
	{"daily_active_users", Stated, "users", 1, "Users with a trace that ended on the day, in the tenant's time zone."},
	{"weekly_active_users", Stated, "users", 1, "Users of seven days."},
	{"monthly_active_users", Stated, "users", 1, "Users of thirty days."},
	{"stickiness", Stated, "ratio", 1, "Daily by monthly active users."},
	{"new_users", Stated, "ratio", 1, "Users of the day who were not seen before."},
	{"returning_users", Stated, "ratio", 1, "Users of the day who were."},
	{"retention_d1_classic", Stated, "ratio", 1, "Users active on exactly the first day after they were first seen; of the 28 cohorts whose day that was last."},
	{"retention_d1_rolling", Stated, "ratio", 1, "On that day or later."},
	{"retention_d1_range", Stated, "ratio", 1, "On any day up to that."},
	{"retention_d7_classic", Stated, "ratio", 1, "On exactly the seventh day."},
	{"retention_d7_rolling", Stated, "ratio", 1, "On that day or later."},
	{"retention_d7_range", Stated, "ratio", 1, "On any of the seven days."},
	{"retention_d30_classic", Stated, "ratio", 1, "On exactly the thirtieth day."},
	{"retention_d30_rolling", Stated, "ratio", 1, "On that day or later."},
	{"retention_d30_range", Stated, "ratio", 1, "On any of the thirty days."},
}

// ScheduledViews are the series that they are told of.
var ScheduledViews = []ViewDefinition{
	{"session", "sessions that closed", []string{}, named(0, 19)},
	{"session_goal", "sessions that closed, and users of a day", []string{"goal"}, named(19, 21)},
	{"funnel", "sessions that closed", []string{"funnel", "step"}, named(21, 22)},
	{"session_task", "tasks of sessions that closed", []string{"task"}, named(22, 25)},
	{"value", "sessions that closed, and days", []string{"assumptions"}, named(25, 31)},
	{"user", "days", []string{}, named(31, 37)},
	{"retention", "days that are over", []string{}, named(37, 46)},
}

func named(from, to int) (out []string) {
	for _, d := range Scheduled[from:to] {
		out = append(out, d.Name)
	}
	return out
}

// IsScheduled reports whether a view's metrics are made by SQL on a schedule.
func IsScheduled(view string) bool {
	return slices.ContainsFunc(ScheduledViews, func(v ViewDefinition) bool { return v.Name == view })
}
