import Tensors

/// The weight of a quantized layer, element by element as its format has it.
///
/// ```
/// w[r, c] = (element[r, c] - zero[r, c]) * scale[r, c]
/// ```
struct StoredWeight {
  let rows: Int
  let columns: Int
  private let scheme: LayerScheme
  private let weight: StoredTensor
  private let scales: [Float]
  private let zeros: [Float]?
  /// Rows and columns that share a scale.
  private let block: (rows: Int, columns: Int)
  private let groups: Int
  /// The elements that there are.
  let grid: ElementGrid

  /// Takes the tensors of a layer; nil where one is missing or of another type or shape than the scheme
  /// asks for, which a ``LayerCheck`` reports.
  init?(_ module: String, _ scheme: LayerScheme, _ shape: [Int], _ tensors: [String: StoredTensor])
  {
    (rows, columns, self.scheme) = (shape[0], shape[1], scheme)
    guard rows > 0, columns > 0, let weight = tensors["\(module).\(scheme.weightSuffix)"],
      let stored = tensors["\(module).weight_scale"],
      let scaleShape = scheme.scaleShape(rows: rows, columns: columns),
      stored.shape == scaleShape, scheme.scaleTypes.contains(stored.dtype),
      weight.shape == scheme.weightShape(rows: rows, columns: columns),
      weight.dtype == scheme.weightType
    else { return nil }
    self.weight = weight
    var leastScale: Float = 0
    if scheme.format.hasPrefix("mxfp") {
      scales = stored.withBytes { bytes in
        bytes.map { Float(sign: .plus, exponent: Int($0) - 127, significand: 1) }
      }
    } else if scheme.format == "nvfp4-pack-quantized" {
      guard let local = stored.floats,
        let global = tensors["\(module).weight_global_scale"]?.floats?.first
      else { return nil }
      scales = local.map { $0 / global }
      leastScale = 0x1p-9 / global
    } else {
      guard let floats = stored.floats else { return nil }
      scales = floats
    }
    groups = scaleShape.count == 2 ? scaleShape[1] : 1
    let block =
      switch scheme.strategy {
      case "tensor": (rows, columns)
      case "channel": (1, columns)
      case "block": (scheme.block[0], scheme.block[1])
      default: (1, scheme.groupSize ?? columns)
      }
    self.block = (min(block.0, rows), min(block.1, columns))
    zeros = scheme.isSymmetric ? nil : Self.zeros(module, scheme, scaleShape, tensors, rows: rows)
    if !scheme.isSymmetric, zeros == nil { return nil }
    let half = Float(1 << (scheme.bits - 1))
    grid =
      scheme.type == "int"
      ? .integers(-half...half - 1)
      : scheme.isPacked
        ? .floats(greatest: 6, step: (0.5, 0.5), leastScale: leastScale)
        : .floats(greatest: 448, step: (0x1p-9, 0.125), leastScale: leastScale)
  }

  /// The columns that have a scale of their own, in every row.
  var columnGroups: [Range<Int>] {
    stride(from: 0, to: columns, by: block.columns).map { $0..<min($0 + block.columns, columns) }
  }

  func scale(_ row: Int, _ group: Int) -> Float { scales[row / block.rows * groups + group] }

  func zero(_ row: Int, _ group: Int) -> Float {
    zeros?[row / block.rows * groups + group] ?? 0
  }

  /// Writes the elements of a row, as many as there are columns.
  func read(row: Int, into target: UnsafeMutablePointer<Float>) {
    weight.file.storage.withBytes(in: weight.entry.range) { bytes in
      switch scheme.format {
      case "pack-quantized":
        let rowBytes = 4 * weight.shape[1]
        let row = bytes[row * rowBytes..<(row + 1) * rowBytes]
        Self.unpack(UnsafeRawBufferPointer(rebasing: row), bits: scheme.bits, columns, into: target)
      case "nvfp4-pack-quantized", "mxfp4-pack-quantized":
        let start = row * columns / 2
        Self.fourBitFloats.withUnsafeBufferPointer { numbers in
          for pair in 0..<columns / 2 {
            let codes = bytes[start &+ pair]
            target[2 &* pair] = numbers[Int(codes & 15)]
            target[2 &* pair &+ 1] = numbers[Int(codes >> 4)]
          }
        }
      default:
        if scheme.type == "int" {
          let start = row * columns
          for column in 0..<columns {
            target[column] = Float(Int8(bitPattern: bytes[start &+ column]))
          }
        } else {
          _ = weight.read(row * columns..<(row + 1) * columns, into: target)
        }
      }
    }
  }

  /// Writes the integers of a stream of codes.
  private static func unpack(
    _ stream: UnsafeRawBufferPointer, bits: Int, _ count: Int,
    into target: UnsafeMutablePointer<Float>
  ) {
    let (half, mask) = (Int32(1) << Int32(bits - 1), UInt64(1) << UInt64(bits) - 1)
    var index = 0
    // Eight codes take as many bytes as one has bits.
    while index + 8 <= count, index / 8 * bits + 8 <= stream.count {
      let codes = UInt64(
        littleEndian: stream.loadUnaligned(fromByteOffset: index / 8 * bits, as: UInt64.self))
      for place in 0..<8 {
        let code = Int32(truncatingIfNeeded: codes &>> UInt64(place &* bits) & mask)
        target[index &+ place] = Float(code &- half)
      }
      index += 8
    }
    for index in index..<count {
      target[index] = Float(code(stream, index, bits: bits) { $0 } - Int(half))
    }
  }

  /// Lets go of the memory that reading rows has taken.
  func drop(rows range: Range<Int>) { weight.drop(rows: range) }

  /// The numbers of two exponent bits and one mantissa bit, by their bits.
  private static let fourBitFloats: [Float] = [
    0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6,
  ]

  /// Code number `index` of a stream of `bits` each over the words that `place` finds.
  private static func code(
    _ bytes: UnsafeRawBufferPointer, _ index: Int, bits: Int, place: (Int) -> Int
  ) -> Int {
    let bit = index * bits
    var value = UInt64(LayerCheck.word(bytes, place(bit / 32)))
    if bit % 32 + bits > 32 { value |= UInt64(LayerCheck.word(bytes, place(bit / 32 + 1))) << 32 }
    return Int(value >> UInt64(bit % 32) & (1 << UInt64(bits) - 1))
  }

  /// The zero points in the order of the scales, counted like elements.
  private static func zeros(
    _ module: String, _ scheme: LayerScheme, _ scaleShape: [Int], _ tensors: [String: StoredTensor],
    rows: Int
  ) -> [Float]? {
    guard let stored = tensors["\(module).weight_zero_point"] else { return nil }
    if scheme.format != "pack-quantized" || scheme.strategy == "tensor" {
      guard stored.dtype == "I8", stored.shape == scaleShape else { return nil }
      return stored.withBytes { bytes in bytes.map { Float(Int8(bitPattern: $0)) } }
    }
    let groups = scaleShape[1]
    guard stored.dtype == "I32", stored.shape == [(rows * scheme.bits + 31) / 32, groups] else {
      return nil
    }
    let half = 1 << (scheme.bits - 1)
    return stored.withBytes { bytes in
      (0..<rows * groups).map { index in
        Float(
          code(bytes, index / groups, bits: scheme.bits) { $0 * groups + index % groups } - half)
      }
    }
  }
}
