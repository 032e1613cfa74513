/// The type of one element as it is stored.
public enum DType: String, Sendable, CaseIterable {
  case float64 = "f64"
  case float32 = "f32"
  case float16 = "f16"
  case bfloat16 = "bf16"
  case float8E4M3 = "f8e4m3"
  case float8E8M0 = "f8e8m0"
  case int64 = "i64"
  case uint64 = "u64"
  case int32 = "i32"
  case uint32 = "u32"
  case int16 = "i16"
  case uint16 = "u16"
  case int8 = "i8"
  case uint8 = "u8"
  case bool = "bool"

  /// Bytes of one element.
  public var byteCount: Int {
    switch self {
    case .float64, .int64, .uint64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .float8E4M3, .float8E8M0, .int8, .uint8, .bool: 1
    }
  }

  /// The types that weights can be quantized from, and that scales have where the format does not decide.
  package static let ofWeights: [DType] = [.bfloat16, .float16, .float32]

  /// Whether elements are floating-point numbers that ``Tensor/converted(to:)`` can widen to f32.
  public var isFloatingPoint: Bool {
    switch self {
    case .float64, .float32, .float16, .bfloat16: true
    default: false
    }
  }
}
