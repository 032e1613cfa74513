import Checksums
import Diagnostics
import Foundation
import Synchronization
import Tensors

extension Checkpoint {
  /// Reads every tensor once, on all threads, and checks that its numbers are numbers.
  ///
  /// - Parameters:
  ///   - progress: Told on the calling thread how much is read, from 0 to 1. What it throws ends the reading.
  /// - Throws: `notFinite`, naming file, tensor and element.
  package func requireFinite(progress: (Double) throws -> Void) throws {
    _ = try readNumbers(digesting: false, progress)
  }

  /// The same, with the SHA-256 of each tensor's bytes: file after file, in the order of their entries.
  func digestNumbers(progress: (Double) throws -> Void) throws -> [[String]] {
    try readNumbers(digesting: true, progress)
  }

  private func readNumbers(
    digesting: Bool, _ progress: (Double) throws -> Void
  ) throws -> [[String]] {
    let reading = NumberReading(files, digesting: digesting)
    try reading.run(progress)
    try made?.requireFinite { try progress(1) }
    if let bad = reading.firstNonFinite {
      let entry = files[bad.file].entries[bad.entry]
      throw InputError(
        .notFinite, source: files[bad.file].url.path, place: place(ofTensor: entry.name),
        "element \(Self.indices(of: bad.element, in: entry.shape)) is infinite or NaN; no copy of such a "
          + "model can be sound")
    }
    return reading.digests
  }

  /// The place of an element along each dimension.
  private static func indices(of element: Int, in shape: [Int]) -> [Int] {
    var (rest, indices) = (element, [Int]())
    for extent in shape.reversed() {
      indices.append(rest % extent)
      rest /= extent
    }
    return indices.reversed()
  }
}

/// One pass over the bytes of all tensors, shared by the threads.
private final class NumberReading {
  /// A part of a tensor that one thread reads: all of it where it is digested.
  private struct Part {
    let file: Int
    let entry: Int
    let range: Range<Int>
  }

  /// Where an element is; in the order of files, of tensors in them, and of elements.
  struct Place: Comparable {
    let file: Int
    let entry: Int
    let element: Int

    static func < (a: Place, b: Place) -> Bool {
      (a.file, a.entry, a.element) < (b.file, b.entry, b.element)
    }
  }

  private struct State {
    var readByteCount = 0
    var isStopped = false
    var firstNonFinite: Place?
    var digests: [[String]]
  }

  private let files: [SafetensorsFile]
  private let digesting: Bool
  private let parts: [Part]
  private let byteCount: Int
  private let state: Mutex<State>

  var firstNonFinite: Place? { state.withLock { $0.firstNonFinite } }
  var digests: [[String]] { state.withLock { $0.digests } }

  /// Bytes of a part where tensors may be divided.
  private static let partByteCount = 32 << 20
  /// Bytes that are digested and looked at while they are in a core's cache.
  private static let blockByteCount = 1 << 17

  init(_ files: [SafetensorsFile], digesting: Bool) {
    self.files = files
    self.digesting = digesting
    let parts = files.enumerated().flatMap { file, opened in
      opened.entries.enumerated().flatMap { entry, tensor in
        let range = tensor.byteRange
        let size = digesting ? max(range.count, 1) : Self.partByteCount
        // An empty tensor has a digest.
        let starts = Array(stride(from: range.lowerBound, to: range.upperBound, by: size))
        return (starts.isEmpty ? [range.lowerBound] : starts).map {
          Part(file: file, entry: entry, range: $0..<min($0 + size, range.upperBound))
        }
      }
    }
    // The longest first, so that none is left to one thread alone at the end.
    self.parts = parts.enumerated().sorted {
      ($1.element.range.count, $0.offset) < ($0.element.range.count, $1.offset)
    }.map(\.element)
    byteCount = parts.reduce(0) { $0 + $1.range.count }
    state = Mutex(State(digests: files.map { Array(repeating: "", count: $0.entries.count) }))
  }

  func run(_ progress: (Double) throws -> Void) throws {
    var failure: (any Error)?
    func report() {
      let read = state.withLock { $0.readByteCount }
      do {
        try progress(Double(read) / Double(max(byteCount, 1)))
      } catch {
        failure = error
        state.withLock { $0.isStopped = true }
      }
    }
    ThreadTeam.forEach(parts.count) { index, member in
      // The thread that called is the first of the team.
      read(parts[index]) { if member == 0, failure == nil { report() } }
    }
    if let failure { throw failure }
    report()
    if let failure { throw failure }
  }

  private func read(_ part: Part, _ report: () -> Void) {
    guard !state.withLock({ $0.isStopped }) else { return }
    let entry = files[part.file].entries[part.entry]
    var sum = SHA256()
    var bad: Int?
    files[part.file].read(part.range) { offset, bytes in
      for begin in stride(from: 0, to: bytes.count, by: Self.blockByteCount) {
        let block = UnsafeRawBufferPointer(
          rebasing: bytes[begin..<min(begin + Self.blockByteCount, bytes.count)])
        if digesting { sum.update(block) }
        if bad == nil, let index = block.firstNonFinite(entry.dtype) {
          let before = part.range.lowerBound - entry.byteRange.lowerBound + offset + begin
          bad = before / entry.dtype.byteCount + index
        }
      }
      let isStopped = state.withLock { state in
        state.readByteCount += bytes.count
        return state.isStopped
      }
      report()
      return !isStopped
    }
    state.withLock { state in
      if digesting { state.digests[part.file][part.entry] = sum.hexadecimal }
      if let bad {
        let place = Place(file: part.file, entry: part.entry, element: bad)
        state.firstNonFinite = min(state.firstNonFinite ?? place, place)
      }
    }
  }
}
