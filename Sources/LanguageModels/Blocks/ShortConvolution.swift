import Recordings

/// A gated convolution over a few tokens: `out(c * conv(b * u))`, with b, c and u side by side in what the input
/// projection gives.
package struct ShortConvolution: Hashable, Sendable {
  package var input: LayerSlot
  package var convolution: ConvolutionSlot
  package var output: LayerSlot

  package init(
    input: LayerSlot, convolution: ConvolutionSlot, output: LayerSlot
  ) {
    self.input = input
    self.convolution = convolution
    self.output = output
  }

  func record(_ x: Value, in recorder: inout BlockRecorder) -> Value {
    let projected = recorder.linear([input], x)
    let columns = convolution.columns
    func part(_ index: Int) -> Operand {
      recorder.operations.operand(projected, columns: index * columns..<(index + 1) * columns)
    }
    let (b, c, u) = (part(0), part(1), part(2))
    let gated = recorder.operations.gate(.scaled(1), b, u)
    let mixed = recorder.convolution(convolution, recorder.operations.operand(gated))
    let answer = recorder.operations.gate(.scaled(1), c, recorder.operations.operand(mixed))
    return recorder.linear([output], answer)
  }
}
