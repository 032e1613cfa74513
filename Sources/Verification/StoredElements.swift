import Tensors

/// How the elements of weights lie in tensors.
protocol StoredElements: Sendable {
  /// What the name of their tensor ends with.
  var suffix: String { get }

  /// Elements that share a place of that tensor.
  var countInPlace: Int { get }

  /// A tensor with the rows and columns of the weight; nil where the shape of the elements tells them.
  var sizeRecord: ExpectedTensor? { get }

  /// Whether these tensors, by what their names end with, hold elements that lie so.
  func recognises(_ tensors: [String: StoredTensor]) -> Bool

  /// The tensor of elements.
  func expected(_ layer: StoredLayer) -> ExpectedTensor

  /// Rows and columns of a weight whose elements are in a matrix of this shape; nil for a shape of none.
  func size(of shape: [Int], _ scheme: LayerScheme) -> [Int]?

  /// The least number of elements that fill whole words of 32 bits; nil where they are not in words.
  func elementsInWholeWords(of scheme: LayerScheme) -> Int?

  /// Writes the elements of a row, as many as there are columns.
  func read(
    row: Int, of weight: StoredTensor, _ layer: StoredLayer,
    into target: UnsafeMutablePointer<Float>)

  /// Lets go of the memory that reading rows has taken.
  func drop(_ rows: Range<Int>, of weight: StoredTensor, _ layer: StoredLayer)
}

/// Elements whose rows are those of their tensor.
protocol StoredRows: StoredElements {
  /// Writes the elements of a row, as many as there are columns.
  func read(
    _ row: UnsafeRawBufferPointer, _ layer: StoredLayer, into target: UnsafeMutablePointer<Float>)
}

extension StoredRows {
  func size(of shape: [Int], _ scheme: LayerScheme) -> [Int]? {
    [shape[0], shape[1] * countInPlace]
  }

  func read(
    row: Int, of weight: StoredTensor, _ layer: StoredLayer,
    into target: UnsafeMutablePointer<Float>
  ) {
    let size = weight.entry.range.count / layer.rows
    weight.file.storage.withBytes(in: weight.entry.range) { bytes in
      let row = UnsafeRawBufferPointer(rebasing: bytes[row * size..<(row + 1) * size])
      read(row, layer, into: target)
    }
  }

  func drop(_ rows: Range<Int>, of weight: StoredTensor, _ layer: StoredLayer) {
    weight.drop(rows: rows)
  }
}

extension StoredElements {
  var countInPlace: Int { 1 }
  var sizeRecord: ExpectedTensor? { nil }
  func recognises(_ tensors: [String: StoredTensor]) -> Bool { tensors[suffix] != nil }
  func elementsInWholeWords(of scheme: LayerScheme) -> Int? { nil }
}

/// A byte for each element: an integer, or a float of 8 bits.
struct ByteElements: StoredRows {
  let suffix = "weight"

  func recognises(_ tensors: [String: StoredTensor]) -> Bool {
    ["I8", "F8_E4M3"].contains(tensors[suffix]?.dtype)
  }

  func expected(_ layer: StoredLayer) -> ExpectedTensor {
    let (bitCount, isInteger) = (layer.scheme.bitCount, layer.scheme.type == "int")
    return ExpectedTensor(
      suffix: suffix, dtypes: [isInteger ? "I8" : "F8_E4M3"], shape: [layer.rows, layer.columns]
    ) { weight in
      // Counted from the least integer, those of 8 bits are all below this.
      let (half, limit) = (UInt8(1 << (bitCount - 1)), 1 << bitCount)
      let bad = weight.stretch.first(wordByteCount: 1) { bytes in
        isInteger
          ? bytes.firstWord(UInt8.self) { Int($0 &+ half) >= limit }
          : bytes.firstWord(UInt8.self) { $0 & 0x7F == 0x7F }
      }
      return bad.map {
        "element [\($0 / layer.columns), \($0 % layer.columns)] is not a number of \(bitCount) bits"
      }
    }
  }

  func read(
    _ row: UnsafeRawBufferPointer, _ layer: StoredLayer, into target: UnsafeMutablePointer<Float>
  ) {
    if layer.scheme.type == "int" {
      for column in 0..<layer.columns { target[column] = Float(Int8(bitPattern: row[column])) }
    } else {
      StoredTensor.eightBitFloats.withUnsafeBufferPointer { numbers in
        for column in 0..<layer.columns { target[column] = numbers[Int(row[column])] }
      }
    }
  }
}

/// Two floats of 4 bits in each byte.
struct FloatPairs: StoredRows {
  let suffix = "weight_packed"
  let countInPlace = 2

  func expected(_ layer: StoredLayer) -> ExpectedTensor {
    ExpectedTensor(suffix: suffix, dtypes: ["U8"], shape: [layer.rows, layer.columns / 2])
  }

  func read(
    _ row: UnsafeRawBufferPointer, _ layer: StoredLayer, into target: UnsafeMutablePointer<Float>
  ) {
    Self.numbers.withUnsafeBufferPointer { numbers in
      for pair in 0..<layer.columns / 2 {
        let codes = row[pair]
        target[2 &* pair] = numbers[Int(codes & 15)]
        target[2 &* pair &+ 1] = numbers[Int(codes >> 4)]
      }
    }
  }

  /// The numbers of two exponent bits and one mantissa bit, by their bits.
  static let numbers: [Float] = [
    0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6,
  ]
}

/// Integers of any bits as one ``CodeStream`` in the words of each row.
struct PackedIntegers: StoredRows {
  let suffix = "weight_packed"

  var sizeRecord: ExpectedTensor? {
    ExpectedTensor(suffix: "weight_shape", dtypes: ["I64"], shape: [2])
  }

  func expected(_ layer: StoredLayer) -> ExpectedTensor {
    let bitCount = layer.scheme.bitCount
    let words = (layer.columns * bitCount + 31) / 32
    let padding = UInt32(words * 32 - layer.columns * bitCount)
    return ExpectedTensor(suffix: suffix, dtypes: ["I32"], shape: [layer.rows, words]) { weight in
      guard padding > 0 else { return nil }
      let dirty = weight.withBytes { bytes in
        (0..<layer.rows).first {
          CodeStream.word(bytes, $0 * words + words - 1) >> (32 - padding) != 0
        }
      }
      return dirty.map { "row \($0) has bits set after its last code" }
    }
  }

  func elementsInWholeWords(of scheme: LayerScheme) -> Int? {
    32 / (1 << scheme.bitCount.trailingZeroBitCount)
  }

  func read(
    _ row: UnsafeRawBufferPointer, _ layer: StoredLayer, into target: UnsafeMutablePointer<Float>
  ) {
    CodeStream.unpack(row, bitCount: layer.scheme.bitCount, layer.columns, into: target)
  }
}
