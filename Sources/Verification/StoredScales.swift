/// How the scales of a weight lie in tensors.
enum StoredScales: Sendable {
  /// A float for each group.
  case floats
  /// The exponent of a power of two for each group, plus 127.
  case exponents
  /// A float of 8 bits for each group, all divided by one scale of the tensor.
  case relative
  /// A float for each group, and one that is added.
  case floatsWithBiases

  /// What the name of their tensor ends with.
  var suffix: String { self == .floatsWithBiases ? "scales" : "weight_scale" }

  /// The tensors of scales.
  func expected(_ layer: StoredLayer) -> [ExpectedTensor] {
    let shape = layer.scaleShape
    let floats = ExpectedTensor(suffix: suffix, dtypes: ["BF16", "F16", "F32"], shape: shape) {
      $0.scaleFault(refusingZero: true)
    }
    switch self {
    case .floats: return [floats]
    case .floatsWithBiases:
      return [
        floats,
        ExpectedTensor(suffix: Self.biases, dtypes: floats.dtypes, shape: shape) {
          $0.scaleFault(refusingZero: false, in: "bias")
        },
      ]
    case .exponents:
      return [
        ExpectedTensor(suffix: suffix, dtypes: ["U8", "F8_E8M0"], shape: shape) { scale in
          scale.withBytes { $0.firstIndex(of: 255) }.map { "scale \($0) is NaN" }
        }
      ]
    case .relative:
      return [
        // Groups of zeros have a scale of zero, as the type has no smaller numbers to spare.
        ExpectedTensor(suffix: suffix, dtypes: ["F8_E4M3"], shape: shape) {
          $0.scaleFault(refusingZero: false)
        },
        ExpectedTensor(suffix: "weight_global_scale", dtypes: ["F32"], shape: [1]) {
          $0.scaleFault(refusingZero: true)
        },
      ]
    }
  }

  static let biases = "biases"

  /// The zero points that biases stand for, counted like elements; they need not be integers.
  static func zeros(of biases: StoredTensor, _ scales: [Float], bitCount: Int) -> [Float]? {
    let half = Float(1 << (bitCount - 1))
    return biases.floats.map { zip($0, scales).map { -$0 / $1 - half } }
  }

  /// What the elements of each group are multiplied with, and the least number that this can be; nil where a
  /// tensor is not as it should be.
  func numbers(_ scales: StoredTensor, global: StoredTensor?) -> (scales: [Float], least: Float)? {
    switch self {
    case .floats, .floatsWithBiases: return scales.floats.map { ($0, 0) }
    case .exponents:
      let numbers = scales.withBytes { bytes in
        bytes.map { Float(sign: .plus, exponent: Int($0) - 127, significand: 1) }
      }
      return (numbers, 0)
    case .relative:
      guard let local = scales.floats, let global = global?.floats?.first else { return nil }
      return (local.map { $0 / global }, 0x1p-9 / global)
    }
  }
}

extension StoredTensor {
  /// The first scale that is infinite, no number, or a zero where there must be none.
  func scaleFault(refusingZero refusesZero: Bool, in kind: String = "scale") -> String? {
    let columns = shape.last ?? 1
    return (floats ?? []).enumerated().first { !$1.isFinite || ($1 == 0 && refusesZero) }
      .map { "\(kind) [\($0 / columns), \($0 % columns)] is \($1)" }
  }
}

/// How the zero points of asymmetric integers lie in a tensor.
enum ZeroPoints {
  /// A byte for each.
  case bytes
  /// Those of all rows as a stream in each column; the single one of a tensor is a byte.
  case words

  static func expected(_ layer: StoredLayer) -> ExpectedTensor {
    let (suffix, bitCount) = ("weight_zero_point", layer.scheme.bitCount)
    guard layer.packsZeroPoints else {
      return ExpectedTensor(suffix: suffix, dtypes: ["I8"], shape: layer.scaleShape) { zero in
        let (low, high) = (-(1 << (bitCount - 1)), (1 << (bitCount - 1)) - 1)
        let bad = zero.withBytes { bytes in
          bytes.firstIndex { !(low...high).contains(Int(Int8(bitPattern: $0))) }
        }
        return bad.map { "element \($0) is not in \(low)...\(high)" }
      }
    }
    let words = (layer.rows * bitCount + 31) / 32
    let padding = UInt32(words * 32 - layer.rows * bitCount)
    return ExpectedTensor(
      suffix: suffix, dtypes: ["I32"], shape: layer.scaleShape.map { [words, $0[1]] }
    ) { zero in
      guard padding > 0 else { return nil }
      let groups = zero.shape[1]
      let dirty = zero.withBytes { bytes in
        (0..<groups).first {
          CodeStream.word(bytes, (words - 1) * groups + $0) >> (32 - padding) != 0
        }
      }
      return dirty.map { "column \($0) has bits set after its last zero point" }
    }
  }

  /// The zero points in the order of the scales, counted like elements.
  static func numbers(_ stored: StoredTensor, _ layer: StoredLayer) -> [Float] {
    guard layer.packsZeroPoints else {
      return stored.withBytes { bytes in bytes.map { Float(Int8(bitPattern: $0)) } }
    }
    let (groups, bitCount) = (stored.shape[1], layer.scheme.bitCount)
    return stored.withBytes { bytes in
      (0..<layer.rows * groups).map { index in
        let code = CodeStream.code(bytes, index / groups, bitCount: bitCount) {
          $0 * groups + index % groups
        }
        return Float(code - 1 << (bitCount - 1))
      }
    }
  }
}

extension StoredLayer {
  fileprivate var packsZeroPoints: Bool {
    scheme.format.zeroPoints == .words && scheme.strategy != "tensor"
  }
}
