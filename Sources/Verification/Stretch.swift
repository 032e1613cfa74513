import Checksums
import Dispatch
import Foundation
import Tensors

/// Some bytes of a mapped file that are read from one end to the other and stay in memory no longer than
/// that.
struct Stretch {
  let storage: TensorStorage
  let range: Range<Int>

  /// Bytes that are in memory at a time.
  private static let pieceByteCount = 1 << 21

  private var pieces: [Range<Int>] {
    stride(from: range.lowerBound, to: range.upperBound, by: Self.pieceByteCount).map {
      $0..<min($0 + Self.pieceByteCount, range.upperBound)
    }
  }

  private func withBytes<Result>(
    _ piece: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result {
    defer { storage.releasePages(in: piece) }
    return storage.withBytes(in: piece, body)
  }

  /// The SHA-256 of the bytes.
  private var digest: String {
    var sum = SHA256()
    for piece in pieces { withBytes(piece) { sum.update($0) } }
    return sum.hexadecimal
  }

  /// The SHA-256 of each of many stretches, several at a time.
  static func digests(_ stretches: [Stretch]) -> [String] {
    var digests = [String](repeating: "", count: stretches.count)
    // The longest first, so that none is left to one thread alone at the end.
    let order = stretches.indices.sorted { stretches[$0].range.count > stretches[$1].range.count }
    digests.withUnsafeMutableBufferPointer { digests in
      // Each stretch has an element of its own.
      nonisolated(unsafe) let digests = digests
      DispatchQueue.concurrentPerform(iterations: order.count) { turn in
        digests[order[turn]] = stretches[order[turn]].digest
      }
    }
    return digests
  }

  /// Whether two stretches have the same bytes.
  func isSame(as other: Stretch) -> Bool {
    guard range.count == other.range.count else { return false }
    return results { bytes, offset in
      let start = other.range.lowerBound + offset
      return other.withBytes(start..<start + bytes.count) { others in
        guard let a = bytes.baseAddress, let b = others.baseAddress else { return true }
        return memcmp(a, b, bytes.count) == 0
      }
    }.allSatisfy { $0 }
  }

  /// The first index that `find` gives for the words of a piece, counted from the first word of all.
  ///
  /// - Parameter wordByteCount: A power of two.
  func first(
    wordByteCount: Int, _ find: @Sendable (UnsafeRawBufferPointer) -> Int?
  ) -> Int? {
    results { bytes, offset in find(bytes).map { offset / wordByteCount + $0 } }
      .lazy.compactMap { $0 }.first
  }

  /// What `body` gives for each piece and the bytes before it, several at a time.
  private func results<Result>(
    _ body: @Sendable (UnsafeRawBufferPointer, Int) -> Result
  ) -> [Result] {
    let pieces = pieces
    var results = [Result?](repeating: nil, count: pieces.count)
    results.withUnsafeMutableBufferPointer { results in
      // Each piece has an element of its own.
      nonisolated(unsafe) let results = results
      DispatchQueue.concurrentPerform(iterations: pieces.count) { index in
        results[index] = withBytes(pieces[index]) {
          body($0, pieces[index].lowerBound - range.lowerBound)
        }
      }
    }
    return results.compactMap { $0 }
  }
}
