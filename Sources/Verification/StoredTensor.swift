import Tensors

/// A tensor in one of a checkpoint's files.
struct StoredTensor {
  let name: String
  let file: TensorFile
  let entry: TensorFile.Entry

  var dtype: String { entry.dtype }
  var shape: [Int] { entry.shape }
  /// Type and shape in words.
  var kind: String { "\(dtype) \(shape)" }

  var stretch: Stretch { Stretch(storage: file.storage, range: entry.range) }

  /// Lets go of the memory that reading some of the slices along the first dimension has taken.
  func drop(rows range: Range<Int>) {
    let size = entry.range.count / max(shape.first ?? 1, 1)
    let start = entry.range.lowerBound
    file.storage.releasePages(
      in: start + range.lowerBound * size..<start + range.upperBound * size)
  }

  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    stretch.withBytes(body)
  }
}
