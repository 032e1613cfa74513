/// What the weights of a super-block have in common: the scales of its sub-blocks, as they are
/// stored.
package struct KQuantSuperBlock: Sendable, Equatable, BitwiseCopyable {
  /// d, which multiplies the integer scales. Of either sign in symmetric types, else not negative.
  package var scale: Float
  /// dmin, which multiplies the integer minimums; not negative. 0 in symmetric types.
  package var minimumScale: Float
  /// For each sub-block its integer scale, in ``KQuantType/scaleRange``; zeros after the last
  /// sub-block.
  package var scales: SIMD16<Int8>
  /// Like ``scales`` for the minimums, from 0 to the greatest integer that ``KQuantType/scaleBitCount``
  /// hold. Zeros in symmetric types.
  package var minimums: SIMD16<Int8>

  package init(
    scale: Float, minimumScale: Float, scales: SIMD16<Int8>, minimums: SIMD16<Int8>
  ) {
    self.scale = scale
    self.minimumScale = minimumScale
    self.scales = scales
    self.minimums = minimums
  }

  /// The scale of a sub-block's codes: d times its integer, in f32.
  package func scale(ofSubBlock index: Int) -> Float { scale * Float(scales[index]) }

  /// What is taken away from a sub-block's codes times their scale: dmin times its integer, in f32.
  package func minimum(ofSubBlock index: Int) -> Float { minimumScale * Float(minimums[index]) }
}
