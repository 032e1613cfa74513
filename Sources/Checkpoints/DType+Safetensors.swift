package import Tensors

extension DType {
  /// The types that a file may hold with their tags, in the order in which they are written:
  /// wide before narrow, so that every tensor starts at a multiple of its element's size.
  private static let tags: [(dtype: DType, tag: String)] = [
    (.uint64, "U64"), (.int64, "I64"), (.float64, "F64"), (.float32, "F32"), (.uint32, "U32"),
    (.int32, "I32"), (.bfloat16, "BF16"), (.float16, "F16"), (.uint16, "U16"), (.int16, "I16"),
    (.float8E8M0, "F8_E8M0"), (.float8E4M3, "F8_E4M3"), (.int8, "I8"), (.uint8, "U8"),
    (.bool, "BOOL"),
  ]
  private static let ranks = Dictionary(
    uniqueKeysWithValues: tags.enumerated().map { ($1.dtype, $0) })
  private static let dtypes = Dictionary(uniqueKeysWithValues: tags.map { ($1, $0) })

  /// The type that a safetensors header calls `tag`; nil for types that no ``Tensor`` can hold,
  /// such as complex numbers and elements of less than a byte.
  package init?(safetensorsTag tag: String) {
    guard let dtype = Self.dtypes[tag] else { return nil }
    self = dtype
  }

  /// The type's name in a safetensors header.
  package var safetensorsTag: String { Self.tags[safetensorsRank].tag }

  /// The type's place in the order in which tensors are laid out in a file.
  package var safetensorsRank: Int { Self.ranks[self, default: 0] }

  /// Bytes of a tensor of this type, or nil if a product of its extents exceeds `Int`.
  ///
  /// Extents of zero are left out of that product, so that a view of a part, or a loop over some
  /// of the dimensions, cannot overflow either.
  package func byteCount(ofShape shape: [Int]) -> Int? {
    var product = byteCount
    for extent in shape where extent != 0 {
      let (result, overflows) = product.multipliedReportingOverflow(by: extent)
      if overflows || extent < 0 { return nil }
      product = result
    }
    return shape.contains(0) ? 0 : product
  }
}
