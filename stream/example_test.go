package stream_test

import (
	"fmt"

	"github.com/weirmq/weir/stream"
)

func Example() {
	s := stream.New(stream.Config{})
	for i, airport := range []string{"SFO", "OAK", "SJC"} {
		id, err := s.NextID(1700000000000) // the clock stands still: the sequence number rises
		if err != nil {
			fmt.Println(err)
			return
		}
		s.Append(id, [][]byte{[]byte("airport"), []byte(airport), []byte("delay"), fmt.Appendf(nil, "%d", i*10)})
	}
	for it := s.Range(stream.ID{MS: 1700000000000, Seq: 1}, stream.MaxID); it.Next(); {
		fmt.Print(it.ID())
		for it.Field() {
			fmt.Printf(" %s=%s", it.Name(), it.Value())
		}
		fmt.Println()
	}
	if through, removed, err := s.PlanTrimMaxLen(1, false, 0); err == nil && removed > 0 {
		s.Trim(through, removed)
		fmt.Println(removed, "removed through", through)
	}
	// Output:
	// 1700000000000-1 airport=OAK delay=10
	// 1700000000000-2 airport=SJC delay=20
	// 2 removed through 1700000000000-1
}
