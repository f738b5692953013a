package data

import (
	"fmt"
	"testing"
)

func listOf(n int) List {
	var l List
	for i := range n {
		l.PushBack(fmt.Appendf(nil, "element:%06d", i))
	}
	return l
}

func BenchmarkListPushBack(b *testing.B) {
	var l List
	item := []byte("element:000001")
	for b.Loop() {
		l.PushBack(item)
		if l.Len() == 1_000_000 {
			l = List{}
		}
	}
}

func BenchmarkListPushFront(b *testing.B) {
	var l List
	item := []byte("element:000001")
	for b.Loop() {
		l.PushFront(item)
		if l.Len() == 1_000_000 {
			l = List{}
		}
	}
}

func BenchmarkListQueue(b *testing.B) {
	for _, n := range []int{0, 20, 1000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l := listOf(n)
			item := []byte("element:000001")
			for b.Loop() {
				l.PushFront(item)
				_ = l.At(l.Len() - 1)
				l.Trim(0, 1)
			}
		})
	}
}

func BenchmarkListIndex(b *testing.B) {
	for _, n := range []int{100, 10_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l := listOf(n)
			i := 0
			for b.Loop() {
				i = (i + 7919) % n
				_ = l.At(i)
			}
		})
	}
}

func BenchmarkListIndexOfAHundredMillion(b *testing.B) {
	l := List{Large: manyItems(100_000_000)}
	i := 0
	for b.Loop() {
		i = (i + 79_190_123) % l.Len()
		_ = l.At(i)
	}
}

func BenchmarkListWalk(b *testing.B) {
	l := listOf(600)
	for b.Loop() {
		for it := l.From(0); it.Next(); {
		}
	}
}

func BenchmarkListInsert(b *testing.B) {
	l := listOf(1_000_000)
	i := 0
	for b.Loop() {
		i = (i + 79_190_123) % l.Len()
		l.Insert(i, []byte("inserted"))
	}
}

func BenchmarkListRemove(b *testing.B) {
	l := listOf(1_000_000)
	i, one := 0, make([]int, 1)
	for b.Loop() {
		i = (i + 79_190_123) % l.Len()
		one[0] = i
		l.Remove(one)
		if l.Len() == 500_000 {
			b.StopTimer()
			l = listOf(1_000_000)
			b.StartTimer()
		}
	}
}

func BenchmarkListCopyOfAHundredMillion(b *testing.B) {
	l := List{Large: manyItems(100_000_000)}
	for b.Loop() {
		_ = l.Large.Copy()
	}
}
