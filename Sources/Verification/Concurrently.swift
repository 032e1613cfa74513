import Dispatch

/// What `body` gives for each of `0 ..< count`, several at a time.
func concurrently<Result>(_ count: Int, _ body: @Sendable (Int) -> Result) -> [Result] {
  var results = [Result?](repeating: nil, count: count)
  results.withUnsafeMutableBufferPointer { results in
    // Each call has an element of its own.
    nonisolated(unsafe) let results = results
    DispatchQueue.concurrentPerform(iterations: count) { results[$0] = body($0) }
  }
  return results.compactMap { $0 }
}
