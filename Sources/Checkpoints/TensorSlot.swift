import Foundation
import Tensors

/// The place of a tensor in a file that is being written, and which part of it is there.
struct TensorSlot {
  let info: TensorInfo
  let file: String
  /// The first byte in the file.
  let offset: Int
  private var bytes = IndexSet()
  /// Whether any part is written: there may be no bytes.
  private var isBegun = false

  init(info: TensorInfo, file: String, offset: Int) {
    (self.info, self.file, self.offset) = (info, file, offset)
  }

  /// Whether all of it is written.
  var isWritten: Bool { isBegun && bytes.count == info.byteCount }

  /// The bytes of a slice along the first dimension, one of those that there are; all of them without.
  func range(_ index: Int?) -> Range<Int> {
    guard let index else { return 0..<info.byteCount }
    let byteCount = info.byteCount / max(info.shape.first ?? 1, 1)
    return index * byteCount..<(index + 1) * byteCount
  }

  /// Whether nothing of these bytes is written.
  func isFree(_ range: Range<Int>) -> Bool { !bytes.intersects(integersIn: range) }

  /// Whether all of these bytes are written.
  func has(_ range: Range<Int>) -> Bool {
    isBegun && (range.isEmpty || bytes.contains(integersIn: range))
  }

  mutating func note(_ range: Range<Int>) {
    bytes.insert(integersIn: range)
    isBegun = true
  }
}
