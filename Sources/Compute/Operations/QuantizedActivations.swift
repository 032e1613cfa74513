internal import CKernels
import Tensors

/// Rounds activations to the numbers that a runtime computes with; gradients go straight through the
/// rounding, and through scales that the activations decide.
///
/// A calibrated scale is a parameter of one number. The gradient of a static scale is delivered, that of
/// NVFP4's global scale is not: it stays as calibrated.
package final class QuantizedActivations: Operation {
  let inputs: [Operand]
  let outputs: [Value]
  let parameters: [Parameter]
  var savedForBackward: [Value] { [inputs[0].value] }
  let forwardScratch: Int
  let backwardScratch: Int

  /// How they are rounded.
  package let quantization: ActivationQuantization
  /// The calibrated scale; nil if scales are found as the activations come.
  package var scale: Parameter? { parameters.first }
  /// What has been seen since ``forgetObserved()``: the least and the greatest activation of each
  /// sample.
  package private(set) var observed: [(least: Float, greatest: Float)] = []

  private let rows: Int
  private let columns: Int

  init(
    _ x: Operand, _ quantization: ActivationQuantization, scale: Parameter?, y: Value,
    recorder: ProgramRecorder
  ) {
    precondition((scale != nil) == quantization.hasCalibratedScale)
    inputs = [x]
    outputs = [y]
    parameters = scale.map { [$0] } ?? []
    self.quantization = quantization
    rows = recorder.rows
    columns = x.columns
    forwardScratch = 2 * rows * MemoryLayout<Float>.stride
    backwardScratch = rows * MemoryLayout<Float>.stride
  }

  /// Starts observing anew.
  package func forgetObserved() { observed = [] }

  private func rule(in program: Program) -> ck_activation_rule {
    let given = scale.map { program[$0].assumingMemoryBound(to: Float.self)[0] }
    return quantization.kernelRule(
      columns: columns, type: program.compute.element, scale: given ?? 0)
  }

  func forward(in program: Program) {
    let (x, y) = (program[inputs[0]], program[result])
    let stride = program.columns(of: inputs[0].value)
    guard program.activations == .quantized else {
      if program.activations == .observed { observe(in: program) }
      let (size, columns) = (program.compute.byteCount, columns)
      ThreadTeam.forRanges(of: rows) { begin, end in
        for row in begin..<end {
          (y + row * columns * size).copyMemory(
            from: x + row * stride * size, byteCount: columns * size)
        }
      }
      return
    }
    let rule = rule(in: program)
    ThreadTeam.forRanges(of: rows) { begin, end in
      withUnsafePointer(to: rule) { ck_activation_quantize($0, x, stride, y, begin, end) }
    }
  }

  private func observe(in program: Program) {
    let extremes = program.forwardScratch.assumingMemoryBound(to: Float.self)
    let x = program[inputs[0]]
    let stride = program.columns(of: inputs[0].value)
    let (rows, columns, type) = (rows, columns, program.compute.element)
    let tokens = program.tokens
    ThreadTeam.forRanges(of: program.sampleCount * tokens) { begin, end in
      ck_activation_extremes(type, x, stride, columns, extremes, extremes + rows, begin, end)
    }
    for sample in 0..<program.sampleCount {
      var (least, greatest): (Float, Float) = (0, 0)
      for row in sample * tokens..<(sample + 1) * tokens {
        // A NaN takes the place of every number, and none takes a NaN's.
        let (below, above) = (extremes[row], extremes[rows + row])
        if below < least || below.isNaN { least = below }
        if above > greatest || above.isNaN { greatest = above }
      }
      observed.append((least, greatest))
    }
  }

  func backward(in program: Program) {
    let isTraining = quantization.isStatic && parameters.contains { program.trains($0) }
    let sums = program.backwardScratch.assumingMemoryBound(to: Float.self)
    let dy = program.gradient(of: result)
    let target = program.gradientTarget(0)
    guard target != nil || isTraining else { return }
    let (x, stride) = (program[inputs[0]], program.columns(of: inputs[0].value))
    let rule = rule(in: program)
    ThreadTeam.forRanges(of: rows) { begin, end in
      withUnsafePointer(to: rule) {
        ck_activation_backward(
          $0, x, stride, dy, target?.pointer, target?.accumulates ?? false ? 1 : 0,
          isTraining ? sums : nil, begin, end)
      }
    }
    guard isTraining, let scale else { return }
    var total: Float = 0
    for row in 0..<rows { total += sums[row] }
    sums[0] = total
    program.deliver(sums, of: scale)
  }
}

extension ProgramRecorder {
  /// Records the quantization of `x`.
  ///
  /// - Parameter scaleName: What the checkpoint calls the calibrated scale, if there is one.
  package mutating func quantizedActivations(
    _ x: Operand, _ quantization: ActivationQuantization, scaleName: String
  ) -> Value {
    let scale = quantization.hasCalibratedScale ? scale(scaleName) : nil
    return quantizedActivations(x, quantization, scale: scale)
  }

  /// Records the quantization of `x` with a scale that was recorded before, if there is a calibrated one.
  package mutating func quantizedActivations(
    _ x: Operand, _ quantization: ActivationQuantization, scale: Parameter?
  ) -> Value {
    let y = value(columns: x.columns)
    operations.append(
      QuantizedActivations(x, quantization, scale: scale, y: y, recorder: self))
    return y
  }
}
