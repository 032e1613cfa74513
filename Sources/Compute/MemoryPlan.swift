/// Gives buffers that are in use at different times the same memory.
///
/// Each buffer has a size and an interval of steps; two buffers overlap in memory only if their intervals
/// do not overlap. Placing the largest first at the lowest free offset is within a few per cent of the
/// best plan for chains of layers.
package struct MemoryPlan {
  package struct Buffer {
    package var byteCount: Int
    package var firstStep: Int
    package var lastStep: Int
  }

  package private(set) var buffers: [Buffer] = []
  package private(set) var offsets: [Int] = []
  package private(set) var byteCount = 0

  package init() {}

  /// Adds a buffer of `byteCount` bytes that nobody uses yet; returns its number.
  package mutating func add(byteCount: Int) -> Int {
    buffers.append(Buffer(byteCount: byteCount, firstStep: .max, lastStep: .min))
    return buffers.count - 1
  }

  /// Says that buffer `index` is in use at `step`, and in between the steps said before.
  package mutating func use(_ index: Int, at step: Int) {
    buffers[index].firstStep = min(buffers[index].firstStep, step)
    buffers[index].lastStep = max(buffers[index].lastStep, step)
  }

  /// Chooses an offset for each buffer.
  package mutating func place() {
    let alignment = 64
    offsets = Array(repeating: 0, count: buffers.count)
    byteCount = 0
    var placed: [Int] = []
    for index in buffers.indices.sorted(by: { buffers[$0].byteCount > buffers[$1].byteCount }) {
      let buffer = buffers[index]
      guard buffer.byteCount > 0, buffer.firstStep <= buffer.lastStep else { continue }
      var offset = 0
      let neighbours = placed.filter {
        buffers[$0].firstStep <= buffer.lastStep && buffer.firstStep <= buffers[$0].lastStep
      }
      for other in neighbours.sorted(by: { offsets[$0] < offsets[$1] }) {
        if offset + buffer.byteCount <= offsets[other] { break }
        let end = offsets[other] + buffers[other].byteCount
        offset = max(offset, (end + alignment - 1) / alignment * alignment)
      }
      offsets[index] = offset
      byteCount = max(byteCount, offset + buffer.byteCount)
      placed.append(index)
    }
  }
}
