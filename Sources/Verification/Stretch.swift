import Checksums
import Foundation
import Tensors

/// Some bytes of a mapped file that stay in memory no longer than they are looked at.
struct Stretch {
  let storage: TensorStorage
  let range: Range<Int>

  /// Bytes that are in memory at a time where all are gone through.
  private static let pieceByteCount = 1 << 21

  private var pieces: [Stretch] {
    stride(from: range.lowerBound, to: range.upperBound, by: Self.pieceByteCount).map {
      Stretch(storage: storage, range: $0..<min($0 + Self.pieceByteCount, range.upperBound))
    }
  }

  /// Calls `body` with the bytes, and lets go of their memory.
  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    defer { storage.releasePages(in: range) }
    return storage.withBytes(in: range, body)
  }

  /// The SHA-256 of the bytes.
  private var digest: String {
    var sum = SHA256()
    for piece in pieces { piece.withBytes { sum.update($0) } }
    return sum.hexadecimal
  }

  /// The SHA-256 of each of many stretches, several at a time.
  static func digests(_ stretches: [Stretch]) -> [String] {
    // The longest first, so that none is left to one thread alone at the end.
    let order = stretches.indices.sorted { stretches[$0].range.count > stretches[$1].range.count }
    let found = concurrently(order.count) { stretches[order[$0]].digest }
    var digests = found
    for (index, digest) in zip(order, found) { digests[index] = digest }
    return digests
  }

  /// Whether two stretches have the same bytes.
  func isSame(as other: Stretch) -> Bool {
    guard range.count == other.range.count else { return false }
    let (pieces, others) = (pieces, other.pieces)
    return concurrently(pieces.count) { index in
      pieces[index].withBytes { first in
        others[index].withBytes { second in
          guard let a = first.baseAddress, let b = second.baseAddress else { return true }
          return memcmp(a, b, first.count) == 0
        }
      }
    }.allSatisfy { $0 }
  }

  /// The first index that `find` gives for the words of a piece, counted from the first word of all.
  ///
  /// - Parameter wordByteCount: A power of two.
  func first(
    wordByteCount: Int, _ find: @Sendable (UnsafeRawBufferPointer) -> Int?
  ) -> Int? {
    let pieces = pieces
    return concurrently(pieces.count) { index in
      pieces[index].withBytes(find).map {
        (pieces[index].range.lowerBound - range.lowerBound) / wordByteCount + $0
      }
    }.lazy.compactMap { $0 }.first
  }
}
