package query

import (
	"slices"
	"strings"
)

// MaxOrders is the most keys that a search may be sorted by.
const MaxOrders = 8

// ParseOrder reads MLflow's order_by list. The error is an *InvalidError.
func ParseOrder(list []string) ([]Order, error) {
	if len(list) > MaxOrders {
		return nil, invalid("`order_by` has %d fields, more than %d", len(list), MaxOrders)
	}
	var orders []Order
	for _, source := range list {
		o, err := parseOrder(source)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(orders, func(p Order) bool { return p.Field == o.Field && p.Key == o.Key }) {
			return nil, invalid("`order_by` contains duplicate fields: %s", strings.Join(list, ", "))
		}
		orders = append(orders, o)
	}
	return orders, nil
}

func parseOrder(source string) (Order, error) {
	tokens := lex(source)
	if len(tokens) == 0 || len(tokens) > 2 || !tokens[0].names() {
		return Order{}, invalid("Invalid order_by clause '%s'. Could not be parsed.", source)
	}
	ascending := true
	if len(tokens) == 2 {
		if ascending = tokens[1].is("ASC"); !ascending && !tokens[1].is("DESC") {
			return Order{}, invalid("Invalid ordering key in order_by clause '%s'.", source)
		}
	}
	e, key, err := identify(tokens[0].source, orderKeys)
	if err != nil {
		return Order{}, err
	}
	if e != entityAttribute && e != entityTag && e != entityMetadata {
		return Order{}, invalid("Invalid identifier type '%s'", e)
	}
	f, err := e.resolve(key, source)
	if err != nil {
		return Order{}, err
	}
	if f.field == FieldMetadata && (f.key == MetadataUsage || f.key == MetadataCost) {
		return Order{}, invalid("Ordering by reserved metadata '%s' is not supported because it is represented by multiple columns.", f.key)
	}
	return Order{Field: f.field, Key: f.keyed(), Ascending: ascending}, nil
}
