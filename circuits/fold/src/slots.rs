//! States as named slots. A state is a list of field elements, z, for the machine, and a struct with names for everybody
//! else. The struct is written down once, with [`crate::slots!`]; z, its reading and the circuit's variables follow from it.

use assay_core::{field::F, gadget::linear::Linear};

/// Something that takes up a fixed number of elements of z. `T` is [`F`] natively and [`Linear`] in the circuit.
pub trait Slots<T>: Sized {
    /// Elements; for an optional part, those it has where it is present.
    const LEN: usize;

    /// Appends the elements in order.
    fn write(self, z: &mut Vec<T>);

    /// Takes the elements in order; `None` if there are too few.
    fn read(z: &mut std::vec::IntoIter<T>) -> Option<Self>;

    /// All elements.
    fn to_z(self) -> Vec<T> {
        let mut z = Vec::with_capacity(Self::LEN);
        self.write(&mut z);
        z
    }

    /// The inverse of [`Slots::to_z`]; `None` for any other number of elements.
    fn from_z(z: Vec<T>) -> Option<Self> {
        let mut elements = z.into_iter();
        let whole = Self::read(&mut elements)?;
        (elements.len() == 0).then_some(whole)
    }
}

macro_rules! single {
    ($element:ty) => {
        impl Slots<$element> for $element {
            const LEN: usize = 1;

            fn write(self, z: &mut Vec<$element>) {
                z.push(self);
            }

            fn read(z: &mut std::vec::IntoIter<$element>) -> Option<Self> {
                z.next()
            }
        }
    };
}

single!(F);
single!(Linear);

impl<T, S: Slots<T>, const N: usize> Slots<T> for [S; N] {
    const LEN: usize = N * S::LEN;

    fn write(self, z: &mut Vec<T>) {
        for slot in self {
            slot.write(z);
        }
    }

    fn read(z: &mut std::vec::IntoIter<T>) -> Option<Self> {
        let slots: Vec<S> = (0..N).map(|_| S::read(z)).collect::<Option<_>>()?;
        slots.try_into().ok()
    }
}

/// The last part of a state may be absent: then z ends before it.
impl<T, S: Slots<T>> Slots<T> for Option<S> {
    const LEN: usize = S::LEN;

    fn write(self, z: &mut Vec<T>) {
        if let Some(slots) = self {
            slots.write(z);
        }
    }

    fn read(z: &mut std::vec::IntoIter<T>) -> Option<Self> {
        if z.len() == 0 { Some(None) } else { S::read(z).map(Some) }
    }
}

/// A struct whose fields are slots of z, in the order written: elements `T`, arrays, other such structs, and at the end
/// perhaps an optional one.
#[macro_export]
macro_rules! slots {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$about:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name<T = assay_core::field::F> {
            $($(#[$about])* pub $field: $kind,)*
        }

        impl<T: $crate::slots::Slots<T>> $crate::slots::Slots<T> for $name<T> {
            const LEN: usize = 0 $(+ <$kind as $crate::slots::Slots<T>>::LEN)*;

            fn write(self, z: &mut Vec<T>) {
                $($crate::slots::Slots::write(self.$field, z);)*
            }

            fn read(z: &mut std::vec::IntoIter<T>) -> Option<Self> {
                Some(Self { $($field: $crate::slots::Slots::read(z)?,)* })
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use ff::Field;

    slots! {
        /// A pair at the end of a state.
        pub struct Pair {
            /// One.
            a: T,
            /// Two.
            b: [T; 2],
        }
    }

    slots! {
        /// A state.
        pub struct Whole {
            /// First.
            first: T,
            /// Last, where there is one.
            last: Option<Pair<T>>,
        }
    }

    #[test]
    fn a_state_is_read_back_and_other_lengths_are_refused() {
        let e = |n: u64| F::from(n);
        let short = Whole { first: e(1), last: None };
        let long = Whole { first: e(1), last: Some(Pair { a: e(2), b: [e(3), e(4)] }) };
        assert_eq!(short.to_z(), [e(1)]);
        assert_eq!(long.to_z(), [e(1), e(2), e(3), e(4)]);
        assert_eq!(Whole::from_z(short.to_z()), Some(short));
        assert_eq!(Whole::from_z(long.to_z()), Some(long));
        for length in [0, 2, 3, 5] {
            assert_eq!(Whole::<F>::from_z(vec![F::ZERO; length]), None, "{length}");
        }
        assert_eq!(<Whole as Slots<F>>::LEN, 4);
    }
}
