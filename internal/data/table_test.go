package data

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func TestTableAgreesWithAMapUnderRandomOperations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table Table[int]
		model := map[string]int{}
		keys := rapid.IntRange(1, 400).Draw(t, "keys")
		for i := range rapid.IntRange(1, 1500).Draw(t, "operations") {
			key := fmt.Sprint("k", rapid.IntRange(0, keys).Draw(t, "key"))
			_, had := model[key]
			if rapid.Bool().Draw(t, "delete") {
				if table.Delete([]byte(key)) != had {
					t.Fatalf("Delete(%s) disagrees", key)
				}
				delete(model, key)
			} else {
				if table.Set([]byte(key), i) == had {
					t.Fatalf("Set(%s) disagrees", key)
				}
				model[key] = i
			}
			if table.Len() != len(model) {
				t.Fatalf("Len %d, want %d", table.Len(), len(model))
			}
		}
		for key, want := range model {
			if got, ok := table.Get([]byte(key)); !ok || got != want {
				t.Fatalf("Get(%s) = %d %v, want %d", key, got, ok, want)
			}
		}
		seen := map[string]bool{}
		for pos := range table.Len() {
			key, value := table.At(pos)
			if seen[key] || model[key] != value {
				t.Fatalf("At(%d) = %s %d", pos, key, value)
			}
			seen[key] = true
		}
	})
}

func TestWalkingDownwardsMeetsEveryKeyThatStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table Table[int]
		for i := range 200 {
			table.Set(fmt.Appendf(nil, "stay%d", i), i)
			table.Set(fmt.Appendf(nil, "go%d", i), i)
		}
		seen := map[string]bool{}
		added := 0
		for pos := table.Len(); pos > 0; {
			for range 7 {
				if pos == 0 {
					break
				}
				pos--
				key, _ := table.At(pos)
				seen[key] = true
			}
			for range rapid.IntRange(0, 12).Draw(t, "deletes") {
				table.Delete(fmt.Appendf(nil, "go%d", rapid.IntRange(0, 199).Draw(t, "which")))
			}
			for range rapid.IntRange(0, 3).Draw(t, "adds") {
				added++
				table.Set(fmt.Appendf(nil, "new%d", added), 0)
			}
			pos = min(pos, table.Len())
		}
		for i := range 200 {
			if !seen[fmt.Sprint("stay", i)] {
				t.Fatalf("stay%d was missed", i)
			}
		}
	})
}
